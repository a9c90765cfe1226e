using System.Text;
using Causeway.Kcptun.Configuration;
using Causeway.Kcptun.Crypt;

namespace Causeway.Kcptun.Tests.Configuration;

/// <summary>A slip of the pen is named, and never makes a session less secure than it was meant to be.</summary>
public sealed class UnknownNameTests
{
    [Theory]
    [InlineData("kye", "did you mean \"key\"?")]
    [InlineData("Kye", "did you mean \"key\"?")]
    [InlineData("keys", "did you mean \"key\"?")]
    [InlineData("ky", "did you mean \"key\"?")]
    [InlineData("crypto", "did you mean \"crypt\"?")]
    [InlineData("cyrpt", "did you mean \"crypt\"?")]
    [InlineData("qp", "did you mean \"qpp\"?")]
    [InlineData("qppcount", "did you mean \"qpp-count\"?")]
    [InlineData("pre-shared-key", "is no option.")]
    [InlineData("password", "is no option.")]
    [InlineData("secret", "is no option.")]
    [InlineData("cipher", "is no option.")]
    [InlineData("encryption-method", "is no option.")]
    public void AKeyOfTheFileThatMayHaveBeenMeantToProtectIsRefused(string key, string expected)
    {
        byte[] json = Encoding.UTF8.GetBytes($$"""{"remoteaddr": "h:1", "key": "k", "{{key}}": "v", "mtu": 1000}""");
        string message = Assert.Throws<KcptunConfigException>(() => KcptunClientConfig.Parse(json, "c.json")).Message;
        Assert.StartsWith($"c.json: \"{key}\" is no option", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Throws<KcptunConfigException>(() => KcptunServerConfig.Parse(json));

        // kcptun goes on, and so does who asks for that: by a flag or in the file, wherever it stands there.
        json = Encoding.UTF8.GetBytes($$"""{"{{key}}": "v", "mtu": 1000, "key": "k", "compat": true}""");
        KcptunClientConfig config = KcptunClientConfig.Parse(json, "c.json");
        Assert.Equal(1000, config.Mtu);
        string warning = Assert.Single(config.Warnings);
        Assert.StartsWith($"c.json: \"{key}\" is no option", warning, StringComparison.Ordinal);
        Assert.EndsWith("(ignored)", warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("parityshards", " is no option; did you mean \"parityshard\"? (ignored)")]
    [InlineData("datashrad", " is no option; did you mean \"datashard\"? (ignored)")]
    [InlineData("snd_wnd", " is no option; did you mean \"sndwnd\"? (ignored)")]
    [InlineData("fast_open", " is no option. (ignored)")]
    [InlineData("target", " is an option of the other side and is ignored")]
    public void OtherKeysThatNoOptionHasAreWarnedOf(string key, string expected)
    {
        KcptunClientConfig config = KcptunClientConfig.Parse(
            Encoding.UTF8.GetBytes($$"""{"key": "k", "{{key}}": {"deep": [1, 2]}, "mtu": 1000}"""), "c.json");
        Assert.Equal([$"c.json: \"{key}\"{expected}"], config.Warnings);
        Assert.Equal(1000, config.Mtu);
    }

    [Theory]
    [InlineData("_comment")]
    [InlineData("//key")]
    [InlineData("#")]
    [InlineData("$schema")]
    [InlineData("comment")]
    [InlineData("")]
    public void RemarksAreNoKeys(string key) => Assert.Empty(
        KcptunServerConfig.Parse(Encoding.UTF8.GetBytes($$"""{"key": "k", "{{key}}": "the crypt is as at the other end"}""")).Warnings);

    [Fact]
    public void AllKeysOfKcptunsFilesAreKnownInAnyCase()
    {
        // Config structures of kcptun's client and server (docs/wire/kcptun.md 10.7).
        string[] common =
        [
            "key", "crypt", "mode", "mtu", "ratelimit", "sndwnd", "rcvwnd", "datashard", "parityshard", "dscp", "nocomp", "acknodelay",
            "nodelay", "interval", "resend", "nc", "sockbuf", "smuxver", "smuxbuf", "framesize", "streambuf", "keepalive", "log",
            "snmplog", "snmpperiod", "pprof", "quiet", "tcp", "qpp", "qpp-count", "closewait",
        ];
        string[] client = ["localaddr", "remoteaddr", "conn", "autoexpire", "scavengettl", .. common];
        string[] server = ["listen", "target", .. common];
        foreach (Func<string, string> inCase in (Func<string, string>[])[static key => key, static key => key.ToUpperInvariant()])
        {
            string Object(string[] keys) => $"{{{string.Join(", ", keys.Select(key => $"\"{inCase(key)}\": null"))}, \"key\": \"k\"}}";
            Assert.Empty(KcptunClientConfig.Parse(Encoding.UTF8.GetBytes(Object(client))).Warnings);
            Assert.Empty(KcptunServerConfig.Parse(Encoding.UTF8.GetBytes(Object(server))).Warnings);
        }
    }

    [Theory]
    [InlineData("aes-128-gmc")]
    [InlineData("AES")]
    [InlineData("aes ")]
    [InlineData("")]
    public void AnUnknownCryptIsRefusedUnlessKcptunsLeniencyIsAskedFor(string crypt)
    {
        KcptunClientConfig config = new() { Key = "k", RemoteAddress = "h:1", Crypt = crypt };
        string message = Assert.Throws<KcptunConfigException>(() => new KcptunProfile(config)).Message;
        Assert.StartsWith($"crypt is \"{crypt}\"; allowed: aes, aes-128,", message, StringComparison.Ordinal);
        Assert.Throws<KcptunConfigException>(() => KcptunServerConfig.ParseFlags(["--crypt", crypt]));

        using KcptunProfile profile = new(config with { Compat = true });
        Assert.Equal("aes", profile.Crypt.Name);
        Assert.Equal([$"crypt \"{crypt}\" is unknown and means aes"], profile.Config.Warnings);

        using KcptunKey key = new("k");
        Assert.Contains("allowed: aes,", Assert.Throws<ArgumentException>(() => KcptunCrypt.Create(crypt, key)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => KcptunCrypt.Parse(crypt));
    }

    [Theory]
    [InlineData("0.0.0.0:29900", "127.0.0.1:29900")]
    [InlineData("[::]:29900", "[::1]:29900")]
    [InlineData("192.0.2.7:29900", "192.0.2.7:29900")]
    public void AllAddressesAreThisHostToWhoDialsThem(string remote, string expected)
    {
        using KcptunProfile profile = new(new KcptunClientConfig { Key = "k", RemoteAddress = remote });
        Assert.Equal(expected, profile.NewClientOptions().RemoteEndPoint.ToString());
    }

    [Fact]
    public void AnExplicitCloseWaitIsToldFromTheDefault()
    {
        KcptunServerConfig config = KcptunServerConfig.ParseFlags(["--mode", "fast3"]).Config!;
        Assert.Equal((30, false), (config.CloseWait, config.IsCloseWaitGiven));
        config = KcptunServerConfig.ParseFlags(["--closewait", "30"]).Config!;
        Assert.Equal((30, true), (config.CloseWait, config.IsCloseWaitGiven));
        KcptunClientConfig client = KcptunClientConfig.Parse("""{"closewait": 0}"""u8);
        Assert.Equal((0, true), (client.CloseWait, client.IsCloseWaitGiven));
    }

    [Fact]
    public void OptionsFromAProfileHaveTheSocketOfTheConfigurationHoweverTheyAreMade()
    {
        using KcptunProfile plain = new(new KcptunServerConfig { Key = "k" });
        Assert.Equal((4194304, null), (plain.Transport.SocketBuffer, plain.Transport.Dscp));
        using KcptunProfile set = new(new KcptunServerConfig { Key = "k", SocketBuffer = 100_000, Dscp = 46 });
        Assert.Equal((100_000, 46), (set.Transport.SocketBuffer, set.Transport.Dscp));
        using KcptunProfile system = new(new KcptunServerConfig { Key = "k", SocketBuffer = 0 });
        Assert.Null(system.Transport.SocketBuffer);
        Assert.Null(plain.NewListenerOptions()[0].Udp.ReceiveBufferSize);
    }
}
