using System.Reflection;
using System.Text.Json;
using Causeway.Quic;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Causeway.Hosting.Tests;

/// <summary>What configuration says arrives, and what it must not say fails the start with the setting, its value and the range.</summary>
public sealed class SettingsTests
{
    private const string Listener = "Causeway:Listeners:echo:";
    private const string Client = "Causeway:Clients:echo:";
    private const string Secret = "a secret that nobody may read";

    private static readonly string s_fingerprint = "sha256:" + new string('a', 64);

    public static TheoryData<string, string?, string> WrongListeners => new()
    {
        { "EndPoint", null, "EndPoint is not set" },
        { "EndPoint", "here", "EndPoint is \"here\"; it must be \"host:port\"" },
        { "EndPoint", "127.0.0.1:70000", "EndPoint is \"127.0.0.1:70000\"; it must be \"host:port\" with a port from 0 to 65535" },
        { "EndPoint", "::1:5", "EndPoint is \"::1:5\"" },
        { "EndPoint", "example.com:5", "EndPoint is \"example.com:5\"; a listener needs an address" },
        { "IdleTimeout", "2.00:00:00", "IdleTimeout must be from 00:00:00 to 1.00:00:00. Actual value was 2.00:00:00." },
        { "IdleTimeout", "soon", "'soon' at 'Causeway:Listeners:echo:IdleTimeout'" },
        { "HandshakeTimeout", "00:00:00.001", "HandshakeTimeout must be from 00:00:00.1000000 to 01:00:00. Actual value was 00:00:00.0010000." },
        { "KeepAliveInterval", "00:00:00.001", "KeepAliveInterval must be from 00:00:00.1000000 to 1.00:00:00. Actual value was 00:00:00.0010000." },
        { "MaxInboundBidirectionalStreams", "-1", "MaxInboundBidirectionalStreams must be from 0 to 1152921504606846976. Actual value was -1." },
        { "MaxInboundUnidirectionalStreams", "-1", "MaxInboundUnidirectionalStreams must be from 0 to 1152921504606846976. Actual value was -1." },
        { "MemoryBudget", "5", "MemoryBudget is in bytes and must be from 1048576 to 1073741824. Actual value was 5." },
        { "StreamBacklog", "0", "StreamBacklog must be from 1 to 65536. Actual value was 0." },
        { "CloseTimeout", "-00:00:01", "CloseTimeout must not be negative. Actual value was -00:00:01." },
        { "MaxConnections", "0", "MaxConnections must be at least 1. Actual value was 0." },
        { "ConnectionBacklog", "0", "ConnectionBacklog must be at least 1. Actual value was 0." },
        { "Shards", "257", "Shards must be from 0 to 256. Actual value was 257." },
        { "DrainTimeout", "2.00:00:00", "DrainTimeout is 2.00:00:00; it must be from 0 to one day." },
        { "HandlerErrorCode", "-1", "HandlerErrorCode is -1; it must be from 0 to 2^62 - 1." },
        { "StopErrorCode", "4611686018427387904", "StopErrorCode is 4611686018427387904; it must be from 0 to 2^62 - 1." },
        { "SharedSecret", null, "Nothing says how the listener shows who it is; there must be one of KeyFile" },
        { "Key", "no key", "More than one setting says how the listener shows who it is" },
        { "CertificateFile", "nowhere.pem", "More than one setting says how the listener shows who it is" },
        { "SharedSecretName", "", "SharedSecretName is empty; it must have one character at least" },
        { "Peers:0", "sha256:12", "Peers has 1 fingerprints; a listener needs a key of its own" },
        { "AuthorityFile", "nowhere.pem", "AuthorityFile is \"nowhere.pem\"; a listener needs CertificateFile" },
        { "ApplicationProtocols:0", "", "ApplicationProtocols has \"\"; a protocol's name is from 1 to 255 bytes." },
        { "KcptunFile", "nowhere.json", "SharedSecret is set beside KcptunFile \"nowhere.json\"" },
        { "Endpiont", "127.0.0.1:1", "Endpiont is no setting; there are EndPoint, KeyFile" },
    };

    public static TheoryData<string, string?, string> WrongClients => new()
    {
        { "EndPoint", null, "EndPoint is not set" },
        { "EndPoint", "example.com:0", "EndPoint is \"example.com:0\"; it must be \"host:port\" with a port from 1 to 65535" },
        { "EndPoint", "0.0.0.0:1", "RemoteEndPoint is 0.0.0.0:1; it must be a name, or an address that one host has" },
        { "EndPoint", "a b:1", "EndPoint is \"a b:1\"; a client needs a name or an address" },
        { "Peers:0", "sha256:12", "\"sha256:12\" is not a fingerprint" },
        { "AuthorityFile", "nowhere.pem", "More than one setting says how the client knows its server" },
        { "SharedSecret", Secret, "More than one setting says how the client knows its server" },
        { "KeepConnected", "perhaps", "'perhaps' at 'Causeway:Clients:echo:KeepConnected'" },
        { "StopErrorCode", "1", "StopErrorCode is no setting" },
        { "KeyFile", "nowhere.key", "KeyFile \"nowhere.key\" cannot be read" },
        { "Key", "not in PEM", "Key holds no private key of ECDSA" },
        { "IdleTimeout", "2.00:00:00", "IdleTimeout must be from 00:00:00 to 1.00:00:00. Actual value was 2.00:00:00." },
    };

    [Theory]
    [MemberData(nameof(WrongListeners))]
    public Task AWrongListenerFailsTheStart(string key, string? value, string expected) => AssertFailsAsync(
        static builder => builder.AddListener("echo", TestHost.EchoAsync),
        Listener,
        expected,
        (Listener + "EndPoint", "127.0.0.1:0"), (Listener + "SharedSecret", Secret), (Listener + key, value));

    [Theory]
    [MemberData(nameof(WrongClients))]
    public Task AWrongClientFailsTheStart(string key, string? value, string expected) => AssertFailsAsync(
        static builder => builder.AddClient("echo"),
        Client,
        expected,
        (Client + "EndPoint", "127.0.0.1:9"), (Client + "Peers:0", s_fingerprint), (Client + key, value));

    [Fact]
    public async Task AllThatIsWrongIsSaidAtOnce()
    {
        using IHost host = TestHost.Create(static builder => builder.AddListener("echo", TestHost.EchoAsync).AddClient("echo"));
        Exception error = await Assert.ThrowsAnyAsync<Exception>(() => host.StartAsync().Guarded());
        IEnumerable<string> failures = ((AggregateException)error).InnerExceptions.Cast<OptionsValidationException>().SelectMany(static one => one.Failures);
        Assert.Equal(
            ["Causeway:Clients:echo: EndPoint is not set", "Causeway:Listeners:echo: EndPoint is not set"],
            failures.Select(static failure => failure.Split(';')[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void WhatConfigurationSaysArrives()
    {
        using CausewayKey key = CausewayKey.Create();
        using IHost host = TestHost.Create(
            static builder => builder.AddListener("echo", TestHost.EchoAsync, static settings => settings.Shards = 3),
            log: null,
            (Listener + "EndPoint", "*:4433"),
            (Listener + "Key", key.ToPem()),
            (Listener + "Peers:0", s_fingerprint),
            (Listener + "ApplicationProtocols:0", "one"),
            (Listener + "ApplicationProtocols:1", "two"),
            (Listener + "IdleTimeout", "00:01:00"),
            (Listener + "MaxInboundBidirectionalStreams", "7"),
            (Listener + "MaxConnections", "9"),
            (Listener + "Shards", "2"),
            (Listener + "CloseTimeout", "00:00:03"));
        CausewayListenerSettings settings = host.Services.GetRequiredService<IOptionsMonitor<CausewayListenerSettings>>().Get("echo");
        using ListenerPlan plan = ListenerPlan.Create(settings, host.Services.GetRequiredService<HostServices>());
        CausewayListenerOptions options = Assert.Single(plan.Options);
        QuicProfile profile = Assert.IsType<QuicProfile>(options.Profile);
        Assert.Equal(4433, options.ListenEndPoint.Port);
        Assert.Equal(System.Net.Sockets.Socket.OSSupportsIPv6, options.Udp.DualMode);
        Assert.Equal((9, 3, TimeSpan.FromSeconds(3)), (options.MaxConnections, options.Shards, options.CloseTimeout));
        Assert.Equal((TimeSpan.FromMinutes(1), 7L), (profile.IdleTimeout, profile.MaxInboundBidirectionalStreams));
        Assert.Equal(["one", "two"], profile.ServerAuthentication!.ApplicationProtocols.Select(static protocol => protocol.ToString()));
        Assert.Same(host.Services.GetRequiredService<ILoggerFactory>(), options.LoggerFactory);
    }

    [Fact]
    public void TheClockIsTheServices()
    {
        FrozenTime time = new();
        using IHost host = TestHost.Create(builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(time);
            builder.AddClient("echo", static settings => (settings.EndPoint, settings.TargetHost) = ("127.0.0.1:9", "server.test"));
        });
        CausewayClientSettings settings = host.Services.GetRequiredService<IOptionsMonitor<CausewayClientSettings>>().Get("echo");
        using ClientPlan plan = ClientPlan.Create(settings, host.Services.GetRequiredService<HostServices>());
        Assert.Same(time, plan.NewOptions().TimeProvider);
    }

    [Fact]
    public async Task AnotherSectionMayHoldTheSettings()
    {
        IConfiguration configuration = new ConfigurationBuilder().AddInMemoryCollection(
        [
            KeyValuePair.Create("Net:Listeners:echo:EndPoint", (string?)"127.0.0.1:0"),
            KeyValuePair.Create("Net:Listeners:echo:SharedSecret", (string?)Secret),
            KeyValuePair.Create("Net:Listeners:echo:Shards", (string?)"999"),
        ]).Build();
        using IHost host = TestHost.Create(builder => builder.Services.AddCauseway(configuration.GetSection("Net")).AddListener("echo", TestHost.EchoAsync));
        OptionsValidationException error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync().Guarded());
        Assert.StartsWith("Net:Listeners:echo: Shards", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(typeof(CausewayListenerSettings))]
    [InlineData(typeof(CausewayClientSettings))]
    public void EveryPropertyIsAKey(Type type)
    {
        IReadOnlyList<string> keys = type == typeof(CausewayListenerSettings) ? SettingsSources.ListenerKeys : SettingsSources.ClientKeys;
        Assert.Equal(
            type.GetProperties().Select(static property => property.Name).Concat(["Key", "SharedSecret", "CertificatePassword"]).Order(StringComparer.Ordinal),
            keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task NothingThatShowsSettingsOrOptionsShowsASecret()
    {
        using CausewayKey key = CausewayKey.Create();
        string pem = key.ToPem();
        string[] secrets = [Secret, pem, pem.Split('\n')[1], "pass word"];
        LogLines log = new();
        using IHost host = TestHost.Create(
            static builder => builder.AddListener("echo", TestHost.EchoAsync).AddListener("own", TestHost.EchoAsync),
            log,
            (Listener + "EndPoint", "127.0.0.1:0"),
            (Listener + "SharedSecret", Secret),
            (Listener + "CertificatePassword", "pass word"),
            ("Causeway:Listeners:own:EndPoint", "127.0.0.1:0"),
            ("Causeway:Listeners:own:Key", pem));
        await host.StartAsync().Guarded();
        await host.StopAsync().Guarded();
        IOptionsMonitor<CausewayListenerSettings> monitor = host.Services.GetRequiredService<IOptionsMonitor<CausewayListenerSettings>>();
        foreach (string name in new[] { "echo", "own" })
        {
            CausewayListenerSettings settings = monitor.Get(name);
            using ListenerPlan plan = ListenerPlan.Create(settings, host.Services.GetRequiredService<HostServices>());
            string shown = string.Join('\n', [JsonSerializer.Serialize(settings), settings.ToString(), Dump(settings), plan.Options[0].ToString(), plan.Options[0].Profile.ToString(), log.Text]);
            Assert.All(secrets, secret => Assert.DoesNotContain(secret, shown, StringComparison.Ordinal));
        }

        // And what a dump does go by is there.
        Assert.Contains("DrainTimeout = 00:00:10", Dump(monitor.Get("echo")), StringComparison.Ordinal);
    }

    // All properties, public or not.
    private static string Dump(object settings) => string.Join('\n', settings.GetType()
        .GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        .Select(property => $"{property.Name} = {property.GetValue(settings)}"));

    private static async Task AssertFailsAsync(
        Action<CausewayBuilder> add, string path, string expected, params (string Key, string? Value)[] settings)
    {
        // The last of a key wins.
        (string Key, string? Value)[] distinct = [.. settings.Reverse().DistinctBy(static setting => setting.Key)];
        using IHost host = TestHost.Create(add, log: null, distinct);
        OptionsValidationException error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync().Guarded());
        Assert.StartsWith(path[..^1] + ": ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private sealed class FrozenTime : TimeProvider;
}
