using System.Text;
using Causeway.Kcp.Fec;
using Causeway.Kcptun.Configuration;

namespace Causeway.Kcptun.Tests.Configuration;

public sealed class ConfigTests
{
    private const string DefaultKeyWarning = "key is the default, which everybody knows: set one of your own";

    [Fact]
    public void HasTheDefaultsOfTheReference()
    {
        KcptunClientConfig client = KcptunClientConfig.Parse("{}"u8);
        KcptunServerConfig server = KcptunServerConfig.Parse("{}"u8);
        Assert.Equal(
            (":12948", "vps:29900", 1, 0, 600, 128, 512, 0),
            (client.LocalAddress, client.RemoteAddress, client.Connections, client.AutoExpire, client.ScavengeTtl,
            client.SendWindow, client.ReceiveWindow, client.CloseWait));
        Assert.Equal(
            (":29900", "127.0.0.1:12948", 1024, 1024, 30),
            (server.Listen, server.Target, server.SendWindow, server.ReceiveWindow, server.CloseWait));
        foreach (KcptunConfig config in new KcptunConfig[] { client, server })
        {
            Assert.Equal(
                ("it's a secrect", "aes", "fast", false, 61),
                (config.Key, config.Crypt, config.Mode, config.Qpp, config.QppCount));
            Assert.Equal(
                (1350, 0L, 10, 3, 0, false, false),
                (config.Mtu, config.RateLimit, config.DataShards, config.ParityShards, config.Dscp,
                config.NoCompression, config.AckNoDelay));
            Assert.Equal((0, 30, 2, 1), (config.NoDelay, config.Interval, config.Resend, config.NoCongestion));
            Assert.Equal(
                (4194304, 2, 4194304, 8192, 2097152, 10),
                (config.SocketBuffer, config.SmuxVersion, config.SmuxBuffer, config.FrameSize, config.StreamBuffer,
                config.KeepAlive));
            Assert.Equal(
                ("", false, "", 60, false, false),
                (config.Log, config.Quiet, config.SnmpLog, config.SnmpPeriod, config.Tcp, config.Pprof));
            Assert.Equal([DefaultKeyWarning], config.Warnings);
            Assert.True(config.UsesFec);
        }
    }

    [Fact]
    public void ReadsEveryJsonKeyOfAClient()
    {
        KcptunClientConfig config = KcptunClientConfig.Parse("""
            {"localaddr": "/run/in.sock", "remoteaddr": "h:1-2", "key": "k\u00e4y", "crypt": "sm4", "mode": "manual", "qpp": true,
             "qpp-count": 7, "conn": 2, "autoexpire": 900, "scavengettl": 30, "mtu": 1200, "ratelimit": 30000000000, "sndwnd": 11,
             "rcvwnd": 12, "datashard": 20, "parityshard": 0, "dscp": 46, "nocomp": true, "acknodelay": true, "nodelay": 1,
             "interval": 15, "resend": 3, "nc": 1, "sockbuf": 13, "smuxver": 1, "smuxbuf": 14000, "framesize": 4096,
             "streambuf": 13000, "keepalive": 30, "closewait": 5, "log": "l", "quiet": true, "snmplog": "s", "snmpperiod": 1,
             "tcp": false, "pprof": false}
            """u8);
        Assert.Equal(
            ("/run/in.sock", "h:1-2", "käy", "sm4", "manual", true, 7),
            (config.LocalAddress, config.RemoteAddress, config.Key, config.Crypt, config.Mode, config.Qpp,
            config.QppCount));
        Assert.Equal(
            (2, 900, 30, 1200, 30_000_000_000, 11, 12),
            (config.Connections, config.AutoExpire, config.ScavengeTtl, config.Mtu, config.RateLimit,
            config.SendWindow, config.ReceiveWindow));
        Assert.Equal(
            (20, 0, 46, true, true, 1, 15),
            (config.DataShards, config.ParityShards, config.Dscp, config.NoCompression, config.AckNoDelay,
            config.NoDelay, config.Interval));
        Assert.Equal(
            (3, 1, 13, 1, 14000, 4096, 13000),
            (config.Resend, config.NoCongestion, config.SocketBuffer, config.SmuxVersion, config.SmuxBuffer,
            config.FrameSize, config.StreamBuffer));
        Assert.Equal(
            (30, 5, "l", true, "s", 1),
            (config.KeepAlive, config.CloseWait, config.Log, config.Quiet, config.SnmpLog, config.SnmpPeriod));
        Assert.False(config.UsesFec);
        Assert.Equal(["QPP: the key has 4 bytes; 211 or more give it full strength"], config.Warnings);
    }

    [Fact]
    public void ReadsAServersKeysWithoutRegardToCaseAndSkipsUnknownOnes()
    {
        byte[] json =
        [
            0xEF, 0xBB, 0xBF, // a byte order mark, as editors on Windows write
            .. """
            {"LISTEN": ":1", "Target": "t:2", "conn": "ours", "deep": [{"mtu": "x"}, null], "Key": null,
             "mtu": 1, "MTU": 1000} rest
            """u8,
        ];
        KcptunServerConfig config = KcptunServerConfig.Parse(json);
        Assert.Equal((":1", "t:2", 1000, "it's a secrect"), (config.Listen, config.Target, config.Mtu, config.Key));
    }

    [Theory]
    [InlineData("normal", 0, 40, 2, 1)]
    [InlineData("fast", 0, 30, 2, 1)]
    [InlineData("fast2", 1, 20, 2, 1)]
    [InlineData("fast3", 1, 10, 2, 1)]
    [InlineData("manual", 9, 77, 8, 5)]
    [InlineData("default", 9, 77, 8, 5)]
    [InlineData("Fast", 9, 77, 8, 5)]
    public void ANamedModeOverridesTheFourValues(string mode, int noDelay, int interval, int resend, int noCongestion)
    {
        KcptunClientConfig config = Run(
            "--nodelay", "9", "--interval", "77", "--resend", "8", "--nc", "5", "--mode", mode);
        Assert.Equal(
            (noDelay, interval, resend, noCongestion),
            (config.NoDelay, config.Interval, config.Resend, config.NoCongestion));
        Assert.Equal(mode == "Fast", config.Warnings.Contains("mode \"Fast\" is unknown and means manual"));
    }

    [Theory]
    [InlineData("{", "is not JSON: ")]
    [InlineData("", "is not JSON: ")]
    [InlineData("[]", "is not a JSON object")]
    [InlineData("{\"mtu\": \"1350\"}", "\"mtu\" is the string \"1350\"; expected a whole number")]
    [InlineData("{\"Mtu\": 1350.5}", "\"Mtu\" is the number \"1350.5\"; expected a whole number")]
    [InlineData("{\"mtu\": 99999999999999999999}", "\"mtu\" is the number \"99999999999999999999\"; expected a whole number")]
    [InlineData("{\"mtu\": {}}", "\"mtu\" is an object; expected a whole number")]
    [InlineData("{\"nocomp\": 1}", "\"nocomp\" is the number \"1\"; expected true or false")]
    [InlineData("{\"crypt\": true}", "\"crypt\" is true; expected a string")]
    [InlineData("{\"crypt\": [1]}", "\"crypt\" is an array; expected a string")]
    [InlineData("{\"key\": 1234567}", "\"key\" is a number; expected a string")]
    [InlineData("{\"mtu\": \"a\\nb\"}", "\"mtu\" is the string \"a b\"; expected a whole number")]
    [InlineData("{\"crypt\": \"\\ud800\"}", "is not JSON: ")]
    public void AWrongTypeIsFatalAndNamed(string json, string message)
    {
        KcptunConfigException thrown = Assert.Throws<KcptunConfigException>(
            () => KcptunClientConfig.Parse(Encoding.UTF8.GetBytes(json), "c.json"));
        Assert.StartsWith($"c.json: {message}", thrown.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', thrown.Message);
    }

    [Theory]
    [InlineData("--fec auto --ds 10", "{}")]
    [InlineData("--ps 0 --fec auto", "{}")]
    [InlineData("--fec auto", """{ "parityshard": 3 }""")]
    [InlineData("--ds 10 --ps 3", """{ "fec": "auto" }""")]
    public void CountsExcludeAutomaticFec(string flags, string json)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, json);
            KcptunConfigException thrown = Assert.Throws<KcptunConfigException>(
                () => KcptunServerConfig.ParseFlags([.. flags.Split(' '), "-c", file]));
            Assert.Equal("fec is auto and datashard or parityshard is set; allowed: one or the other", thrown.Message);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void AutomaticFecIsAdaptiveAndCountsMeanWhatTheyMeant()
    {
        using KcptunProfile automatic = new(KcptunClientConfig.Parse("""{ "fec": "auto" }"""u8));
        Assert.Equal(FecOptions.Auto, automatic.Transport.Fec);
        Assert.Contains("fec: auto", ((KcptunClientConfig)automatic.Config).StartupLines("1", ":1"));
        using KcptunProfile counts = new(KcptunClientConfig.Parse("""{ "datashard": 10, "parityshard": 3 }"""u8));
        using KcptunProfile defaults = new(KcptunClientConfig.Parse("{}"u8));
        Assert.Equal(new FecOptions(), counts.Transport.Fec);
        Assert.Equal(counts.Transport.Fec, defaults.Transport.Fec);
        Assert.False(counts.Transport.Fec.IsAdaptive);
    }

    [Theory]
    [InlineData("--conn=0", "conn is 0; allowed: 1 to 65535")]
    [InlineData("--conn=65536", "conn is 65536; allowed: 1 to 65535")]
    [InlineData("--mtu=85", "mtu is 85; allowed: 86 to 1500")]
    [InlineData("--mtu=9999999999", "mtu is 9999999999; allowed: 86 to 1500")]
    [InlineData("--sndwnd=0", "sndwnd is 0; allowed: 1 to 2147483647")]
    [InlineData("--rcvwnd=0", "rcvwnd is 0; allowed: 1 to 65535")]
    [InlineData("--rcvwnd=65536", "rcvwnd is 65536; allowed: 1 to 65535")]
    [InlineData("--ds=-1", "datashard is -1; allowed: 0 to 256")]
    [InlineData("--ps=257", "parityshard is 257; allowed: 0 to 256")]
    [InlineData("--fec=on", "fec is \"on\"; allowed: fixed, auto")]
    [InlineData("--ps=247", "datashard is 10 and parityshard is 247; allowed: together at most 256")]
    [InlineData("--dscp=64", "dscp is 64; allowed: 0 to 63")]
    [InlineData("--dscp=-1", "dscp is -1; allowed: 0 to 63")]
    [InlineData("--smuxver=0", "smuxver is 0; allowed: 1 to 2")]
    [InlineData("--smuxver=3", "smuxver is 3; allowed: 1 to 2")]
    [InlineData("--smuxbuf=0", "smuxbuf is 0; allowed: 1 to 2147483647")]
    [InlineData("--smuxbuf=2147483648", "smuxbuf is 2147483648; allowed: 1 to 2147483647")]
    [InlineData("--streambuf=0", "streambuf is 0; allowed: 1 to 2147483647")]
    [InlineData("--streambuf=4194305", "streambuf is 4194305; allowed: at most smuxbuf, which is 4194304")]
    [InlineData("--framesize=0", "framesize is 0; allowed: 1 to 65535")]
    [InlineData("--framesize=65536", "framesize is 65536; allowed: 1 to 65535")]
    [InlineData("--keepalive=0", "keepalive is 0; allowed: 1 to 30")]
    [InlineData("--keepalive=31", "keepalive is 31; allowed: 1 to 30")]
    [InlineData("--sockbuf=-1", "sockbuf is -1; allowed: 0 to 2147483647")]
    [InlineData("--QPPCount=0", "qpp-count (--QPPCount) is 0; allowed: 1 to 65535")]
    [InlineData("--QPPCount=65536", "qpp-count (--QPPCount) is 65536; allowed: 1 to 65535")]
    [InlineData("--closewait=-1", "closewait is -1; allowed: 0 to 4294967")]
    [InlineData("--autoexpire=-1", "autoexpire is -1; allowed: 0 to 4294967")]
    [InlineData("--scavengettl=-1", "scavengettl is -1; allowed: 0 to 4294967")]
    [InlineData("--snmpperiod=0", "snmpperiod is 0; allowed: 1 to 4294967")]
    [InlineData("--tcp", "tcp is true; allowed: false (imitating TCP is not supported)")]
    [InlineData("--pprof=1", "pprof is true; allowed: false (Go's profiling server is not supported)")]
    [InlineData("--remoteaddr=vps", "remoteaddr is \"vps\"; expected host:port or host:min-max, an IPv6 address in brackets")]
    [InlineData("--localaddr=:http", "localaddr is \":http\"; expected a port from 0 to 65535 behind the colon")]
    [InlineData("--mtu=0x540", "option mtu is \"0x540\"; expected a whole number")]
    [InlineData("--mtu=", "option mtu is \"\"; expected a whole number")]
    [InlineData("--nocomp=yes", "option nocomp is \"yes\"; expected true or false")]
    [InlineData("--mtu", "option mtu needs a value")]
    [InlineData("-c", "option c needs a value")]
    [InlineData("--bogus=1", "unknown option \"bogus\"; see --help")]
    [InlineData("--listen=:1", "unknown option \"listen\"; see --help")]
    [InlineData("-t", "unknown option \"t\"; see --help")]
    [InlineData("--qpp", "unknown option \"qpp\"; did you mean \"QPP\"? See --help")]
    [InlineData("--parityshards=1", "unknown option \"parityshards\"; did you mean \"parityshard\"? See --help")]
    [InlineData("---mtu=1", "unknown option \"-mtu\"; did you mean \"mtu\"? See --help")]
    [InlineData("mtu", "unexpected argument \"mtu\"; options start with a dash")]
    [InlineData("-", "unexpected argument \"-\"; options start with a dash")]
    public void RefusesWhatCannotBeUsed(string flag, string message) =>
        Assert.Equal(message, Assert.Throws<KcptunConfigException>(() => KcptunClientConfig.ParseFlags([flag])).Message);

    [Theory]
    [InlineData("--mtu=1501", "mtu is 1501; 1500 is used")]
    [InlineData("--ratelimit=-5", "ratelimit is -5; 0 is used")]
    [InlineData("--interval=9 --mode=manual", "interval is 9; 10 is used")]
    [InlineData("--interval=5001 --mode=manual", "interval is 5001; 5000 is used")]
    [InlineData("--crypt=AES --compat", "crypt \"AES\" is unknown and means aes")]
    [InlineData("--key=", "key is empty, which everybody knows: set one of your own")]
    [InlineData("--key=it's§a§secrect", "key is the default, which everybody knows: set one of your own")]
    [InlineData("--autoexpire=599", "scavengettl is 600, more than autoexpire, which is 599: they pile up")]
    [InlineData("--QPP --QPPCount=61", "QPP: the key has 3 bytes; 211 or more give it full strength")]
    public void WarnsWhereTheReferenceGoesOn(string flags, string warning)
    {
        KcptunClientConfig config = Run([.. flags.Split(' ').Select(static flag => flag.Replace('§', ' '))]);
        Assert.Equal([warning], config.Warnings);
        Assert.Equal(config.Warnings, config.Validated().Warnings);
        Assert.InRange(config.Mtu, 86, 1500);
        Assert.InRange(config.Interval, 10, 5000);
        Assert.Equal(0, config.RateLimit);
    }

    [Fact]
    public void ReadsFlagsInEveryForm()
    {
        KcptunClientConfig config = Run(
            "-l", ":1", "--r", "h:2", "-mtu", "1000", "--nocomp", "-quiet=true", "--acknodelay=F", "-ds=4", "--parityshard", "2",
            "--QPP=0", "--mtu=1100", "--crypt", "xor", "--");
        Assert.Equal(
            (":1", "h:2", 1100, true, true, false, 4, 2, false, "xor"),
            (config.LocalAddress, config.RemoteAddress, config.Mtu, config.NoCompression, config.Quiet,
            config.AckNoDelay, config.DataShards, config.ParityShards, config.Qpp, config.Crypt));
        KcptunServerConfig server = KcptunServerConfig.ParseFlags(["-t", "/run/x", "-l=:1-9"]).Config!;
        Assert.Equal(("/run/x", ":1-9"), (server.Target, server.Listen));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    public void EachPortOfAServerHasItsShards(int shards)
    {
        KcptunServerConfig config = KcptunServerConfig.ParseFlags(["-l=127.0.0.1:7001-7002", $"--shards={shards}"]).Config!;
        Assert.Equal(config.Shards, KcptunServerConfig.Parse(Encoding.UTF8.GetBytes($$"""{ "shards": {{shards}} }""")).Shards);
        using KcptunProfile profile = new(config);
        Assert.Equal([shards, shards], profile.NewListenerOptions().Select(static listener => listener.Shards));
        Assert.Equal(1, new KcptunServerConfig().Shards);
    }

    [Fact]
    public void EveryOptionIsAFlagAndAKeyAndInTheHelp()
    {
        foreach (KcptunConfig defaults in new KcptunConfig[] { new KcptunClientConfig(), new KcptunServerConfig() })
        {
            string help = defaults is KcptunClientConfig ? KcptunClientConfig.Help : KcptunServerConfig.Help;
            Assert.Equal(defaults is KcptunClientConfig ? 42 : 41, defaults.Options.Count);
            foreach (ConfigOption option in defaults.Options)
            {
                string value = option is SwitchOption ? "true" : option is NumberOption ? "77" : "text";
                KcptunConfig byFlag = defaults;
                foreach (string flag in option.Flags)
                {
                    byFlag = defaults;
                    Assert.Equal(KcptunCommand.Run, ConfigFlags.Apply(ref byFlag, [$"--{flag}={value}"], null));
                    Assert.NotEqual(defaults, byFlag);
                    Assert.Contains($"{(flag.Length == 1 ? "-" : "--")}{flag}", help, StringComparison.Ordinal);
                }

                string json = option is TextOption ? $"\"{value}\"" : value;
                json = $"{{\"{option.JsonKey}\": {json}}}";
                Assert.Equal(byFlag, ConfigJson.Apply(defaults, Encoding.UTF8.GetBytes(json), "c"));
            }
        }
    }

    [Fact]
    public void TheFileOverridesTheFlagsAndTheFlagsTheEnvironment()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, """{"mtu": 1000, "mode": "fast3"}""");
            KcptunClientConfig config = KcptunClientConfig.ParseFlags(
                ["-c", path, "--mtu", "1200", "--sndwnd", "9"], environmentKey: "from environment").Config!;
            Assert.Equal(
                (1000, 9, 10, "from environment"),
                (config.Mtu, config.SendWindow, config.Interval, config.Key));
            config = KcptunClientConfig.ParseFlags(["--key", "from flag"], environmentKey: "from environment").Config!;
            Assert.Equal("from flag", config.Key);
            Assert.Equal("it's a secrect", KcptunClientConfig.ParseFlags([], environmentKey: "").Config!.Key);
            File.WriteAllText(path, """{"key": "from file"}""");
            Assert.Equal("from file", KcptunClientConfig.ParseFlags([$"-c={path}", "--key=x"], "y").Config!.Key);
            Assert.Equal("from file", KcptunServerConfig.Load(path).Key);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void AFileThatCannotBeReadIsNamed()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        foreach (string bad in new[] { path, Path.GetTempPath(), "" })
        {
            KcptunConfigException thrown = Assert.Throws<KcptunConfigException>(() => KcptunClientConfig.Load(bad));
            Assert.StartsWith($"{bad}: cannot be read: ", thrown.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("--help", KcptunCommand.Help)]
    [InlineData("-h", KcptunCommand.Help)]
    [InlineData("--version", KcptunCommand.Version)]
    [InlineData("-v", KcptunCommand.Version)]
    public void HelpAndVersionNeedNoConfiguration(string flag, KcptunCommand command)
    {
        Assert.Equal(new KcptunCommandLine<KcptunClientConfig>(command, null), KcptunClientConfig.ParseFlags([flag]));
        Assert.Equal(new KcptunCommandLine<KcptunServerConfig>(command, null), KcptunServerConfig.ParseFlags(["--mtu=1", flag]));
    }

    [Fact]
    public void HelpIsAlignedAndShowsDefaults()
    {
        string[] rows = [.. KcptunServerConfig.Help.Split('\n').Where(static line => line.StartsWith(' '))];
        Assert.Equal(41 + 3, rows.Length);
        Assert.Single(rows.Select(static row => row.Length - row[3..].TrimStart().Length - 3).Distinct());
        int column = rows[0].IndexOf("  where", StringComparison.Ordinal);
        Assert.All(rows, row => Assert.True(row[column] == ' ' && row[column + 1] == ' ' && row[column + 2] != ' ', row));
        string window = Assert.Single(rows, static row => row.Contains("--rcvwnd value", StringComparison.Ordinal));
        Assert.EndsWith("(default: 1024)", window, StringComparison.Ordinal);
        Assert.Contains("--tcp ", KcptunServerConfig.Help, StringComparison.Ordinal);
        Assert.Contains("accepted, but not supported", KcptunServerConfig.Help, StringComparison.Ordinal);
    }

    [Fact]
    public void LogsStartUpLikeTheReferencesClient() => Assert.Equal(
        """
        version: 1.2
        smux version: 2
        listening on: [::]:12948
        encryption: aes
        QPP: false
        QPP Count: 61
        nodelay parameters: 0 30 2 1
        remote address: vps:29900
        congestion control: bbr
        sndwnd: auto rcvwnd: auto
        compression: true
        mtu: 1350
        ratelimit: 0
        datashard: 10 parityshard: 3
        acknodelay: false
        dscp: 0
        sockbuf: 4194304
        smuxbuf: auto
        framesize: 8192
        streambuf: auto
        keepalive: 10
        conn: 1
        autoexpire: 0
        scavengettl: 600
        snmplog: 
        snmpperiod: 60
        quiet: false
        tcp: false
        pprof: false
        """,
        string.Join('\n', Run().StartupLines("1.2", "[::]:12948")));

    [Fact]
    public void LogsStartUpLikeTheReferencesServer() => Assert.Equal(
        """
        version: 1.2
        smux version: 2
        listening on: :29900
        target: 127.0.0.1:12948
        encryption: other
        QPP: true
        QPP Count: 61
        nodelay parameters: 1 10 2 1
        congestion control: fixed
        sndwnd: 1024 rcvwnd: 1024
        compression: false
        mtu: 1350
        ratelimit: 0
        datashard: 10 parityshard: 3
        acknodelay: false
        dscp: 0
        sockbuf: 4194304
        smuxbuf: 4194304
        framesize: 8192
        streambuf: 2097152
        keepalive: 10
        snmplog: x
        snmpperiod: 60
        pprof: false
        quiet: false
        tcp: false
        """,
        string.Join('\n', KcptunServerConfig.ParseFlags(
            ["--crypt=other", "--compat", "--QPP", "--mode=fast3", "--nocomp", "--snmplog=x"]).Config!.StartupLines("1.2")));

    [Theory]
    [InlineData("", "bbr", "auto", "auto")]
    [InlineData("--cc=cubic", "cubic", "auto", "auto")]
    [InlineData("--mode=fast3", "fixed", "128", "512")]
    [InlineData("--mode=manual --nc=0", "classic", "128", "512")]
    [InlineData("--nc=0", "fixed", "128", "512")]
    [InlineData("--sndwnd=2048", "fixed", "2048", "512")]
    [InlineData("--rcvwnd=2048", "fixed", "128", "2048")]
    [InlineData("--mode=fast3 --cc=bbr", "bbr", "auto", "auto")]
    [InlineData("--sndwnd=2048 --cc=bbr", "bbr", "2048", "auto")]
    [InlineData("--cc=fixed", "fixed", "128", "512")]
    public void CongestionControlAndWindowsAreKcptunsOnceTheUserSetsOneOfThem(
        string flags, string controller, string sendWindow, string receiveWindow)
    {
        string[] lines = [.. Run(flags.Split(' ', StringSplitOptions.RemoveEmptyEntries)).StartupLines("1", ":1")];
        Assert.Contains($"congestion control: {controller}", lines);
        Assert.Contains($"sndwnd: {sendWindow} rcvwnd: {receiveWindow}", lines);
    }

    [Theory]
    [InlineData("{\"mode\":\"fast3\"}", "fixed")]
    [InlineData("{\"nc\":0,\"mode\":\"manual\"}", "classic")]
    [InlineData("{\"cc\":\"newreno\",\"mode\":\"fast3\"}", "newreno")]
    [InlineData("{\"mtu\":1200}", "bbr")]
    public void AFileCountsAsMuchAsAFlag(string json, string controller)
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, json);
        try
        {
            Assert.Contains($"congestion control: {controller}", Run("-c", file).StartupLines("1", ":1"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("--mtu=1200", false, "")]
    [InlineData("--ecn", true, "")]
    [InlineData("--ecn --cc=cubic", true, "")]
    [InlineData("--ecn --mode=fast3", true, "ecn is true, but cc is fixed, which answers no marks: none are asked for")]
    [InlineData("--ecn --cc=classic", true, "ecn is true, but cc is classic, which answers no marks: none are asked for")]
    public void CongestionMarksAreAskedForOnDemand(string flags, bool expected, string warning)
    {
        KcptunClientConfig config = Run(flags.Split(' '));
        using KcptunProfile profile = new(config);
        Assert.Equal(expected, profile.Transport.Arq.Ecn);
        Assert.Equal(warning, config.Warnings.SingleOrDefault(static line => line.StartsWith("ecn", StringComparison.Ordinal)) ?? "");
        Assert.True(KcptunClientConfig.Parse("""{ "ecn": true }"""u8).Ecn);
    }

    [Theory]
    [InlineData("--cc=reno", "cc is \"reno\"")]
    [InlineData("--memory=0", "memory")]
    public void ABadControllerOrBudgetIsNamed(string flag, string expected)
    {
        KcptunConfigException error = Assert.Throws<KcptunConfigException>(() => Run(flag).Validated());
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DoesNotShowTheKey()
    {
        string text = Run("--key=hush-hush").ToString();
        Assert.DoesNotContain("hush", text, StringComparison.Ordinal);
        Assert.Contains("mtu=1350", text, StringComparison.Ordinal);
    }

    private static KcptunClientConfig Run(params string[] args) =>
        KcptunClientConfig.ParseFlags(args, environmentKey: "key").Config!;
}
