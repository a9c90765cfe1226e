using Causeway.Kcp;
using Causeway.Kcp.Arq;
using Causeway.Protocol;

namespace Causeway.Kcptun.Configuration;

/// <summary>
/// The options of either side in the order of <c>--help</c> (docs/wire/kcptun.md 10.7). Defaults stand in the records.
/// </summary>
internal static class ConfigOptions
{
    // The longest that a timer can wait: 2^32 - 2 milliseconds.
    private const int MaxSeconds = 4_294_967;

    // Under the largest overhead (28 bytes of AEAD, 8 of FEC) 50 bytes are left, less than which the reference ignores
    // (docs/wire/kcptun.md 3.9).
    private const int MinMtu = 86;

    // The most that a listener takes (CausewayListenerOptions.Shards).
    private const int MaxShards = 256;

    private static readonly ConfigOption[] s_common =
    [
        Text("key", "pre-shared secret between client and server [$KCPTUN_KEY]",
            static c => c.Key, static (c, v) => c with { Key = v }) with { IsSecret = true },
        Text("crypt", string.Join(", ", KcptunConfig.CryptNames),
            static c => c.Crypt, static (c, v) => c with { Crypt = v }),
        Switch("compat", "forgive what kcptun forgives: an unknown crypt is aes, and a key of the file that may be a misspelt key or crypt is ignored",
            static c => c.Compat, static (c, v) => c with { Compat = v }),
        Text("mode", "profiles: fast3, fast2, fast, normal, manual",
            static c => c.Mode, static (c, v) => c with { Mode = v }),
        Text("cc", $"congestion control: {string.Join(", ", KcptunConfig.CongestionControlNames)}; auto is bbr, or kcptun's where mode, nc, sndwnd or rcvwnd is given",
            static c => c.CongestionControl, static (c, v) => c with { CongestionControl = v }),
        Number("memory", "MiB of received data that a session may hold, where windows set themselves",
            KcpProfile.LeastMemoryBudget >> 20, KcpProfile.MostMemoryBudget >> 20,
            static c => c.Memory, static (c, v) => c with { Memory = (int)v }),
        Switch("ecn", "let routers mark packets instead of dropping them (ECN), between two of causeway; with cc bbr, cubic, newreno",
            static c => c.Ecn, static (c, v) => c with { Ecn = v }),
        Switch("qpp", "enable Quantum Permutation Pads",
            static c => c.Qpp, static (c, v) => c with { Qpp = v }) with { Flags = ["QPP"] },
        Number("qpp-count", "permutation pads, an odd number", 1, 65535,
            static c => c.QppCount, static (c, v) => c with { QppCount = (int)v }) with { Flags = ["QPPCount"] },
        Number("mtu", "largest UDP payload in bytes", MinMtu, KcptunConfig.MaxMtu,
            static c => c.Mtu, static (c, v) => c with { Mtu = (int)v }),
        Number("ratelimit", "bytes per second that a session may send, 0 for no limit", 0, long.MaxValue,
            static c => c.RateLimit, static (c, v) => c with { RateLimit = v }),
        Number("sndwnd", "send window in packets, with cc fixed or classic", 1, int.MaxValue,
            static c => c.SendWindow, static (c, v) => c with { SendWindow = (int)v }),
        Number("rcvwnd", "receive window in packets, with cc fixed or classic", 1, 65535,
            static c => c.ReceiveWindow, static (c, v) => c with { ReceiveWindow = (int)v }),
        Text("fec", "fixed, or auto: parity as losses demand, between two of causeway",
            static c => c.Fec, static (c, v) => c with { Fec = v }),
        Number("datashard", "Reed-Solomon data shards, 0 for no FEC", 0, KcptunConfig.MaxShards,
            static c => c.DataShards,
            static (c, v) => c with { DataShards = (int)v }) with { Flags = ["datashard", "ds"] },
        Number("parityshard", "Reed-Solomon parity shards, 0 for no FEC", 0, KcptunConfig.MaxShards,
            static c => c.ParityShards,
            static (c, v) => c with { ParityShards = (int)v }) with { Flags = ["parityshard", "ps"] },
        Number("dscp", "DSCP of outgoing packets (6 bits)", 0, 63,
            static c => c.Dscp, static (c, v) => c with { Dscp = (int)v }),
        Switch("nocomp", "disable compression",
            static c => c.NoCompression, static (c, v) => c with { NoCompression = v }),
        Switch("acknodelay", "acknowledge at once",
            static c => c.AckNoDelay, static (c, v) => c with { AckNoDelay = v }),
        Number("nodelay", "mode manual: 1 for a low minimum of the timeout", int.MinValue, int.MaxValue,
            static c => c.NoDelay, static (c, v) => c with { NoDelay = (int)v }),
        Number("interval", "mode manual: flush interval in milliseconds",
            KcptunConfig.MinInterval, KcptunConfig.MaxInterval,
            static c => c.Interval, static (c, v) => c with { Interval = (int)v }),
        Number("resend", "mode manual: acks that overtake a lost packet, 0 to wait", int.MinValue, int.MaxValue,
            static c => c.Resend, static (c, v) => c with { Resend = (int)v }),
        Number("nc", "mode manual: 1 for no congestion control", int.MinValue, int.MaxValue,
            static c => c.NoCongestion, static (c, v) => c with { NoCongestion = (int)v }),
        Number("sockbuf", "buffers of a UDP socket in bytes", 0, int.MaxValue,
            static c => c.SocketBuffer, static (c, v) => c with { SocketBuffer = (int)v }),
        Number("smuxver", "smux version, 1 or 2", 1, 2,
            static c => c.SmuxVersion, static (c, v) => c with { SmuxVersion = (int)v }),
        Number("smuxbuf", "receive buffer of a session in bytes", 1, int.MaxValue,
            static c => c.SmuxBuffer, static (c, v) => c with { SmuxBuffer = (int)v }),
        Number("framesize", "largest smux frame in bytes", 1, 65535,
            static c => c.FrameSize, static (c, v) => c with { FrameSize = (int)v }),
        Number("streambuf", "receive buffer of a stream in bytes, smux 2", 1, int.MaxValue,
            static c => c.StreamBuffer, static (c, v) => c with { StreamBuffer = (int)v }),
        Number("keepalive", "seconds between heartbeats", 1, 30,
            static c => c.KeepAlive, static (c, v) => c with { KeepAlive = (int)v }),
        Number("closewait", "seconds that one direction may outlive the other; if given, also between two of causeway", 0, MaxSeconds,
            static c => c.CloseWait, static (c, v) => c with { CloseWait = (int)v }),
        Number("max-forwards", "connections that are forwarded at a time, 0 for as many as the process may have files open, at most 16384",
            0, KcptunConfig.MostForwards, static c => c.MaxForwards, static (c, v) => c with { MaxForwards = (int)v }),
        Text("log", "log file, stderr if empty",
            static c => c.Log, static (c, v) => c with { Log = v }),
        Switch("quiet", "no messages about streams",
            static c => c.Quiet, static (c, v) => c with { Quiet = v }),
        Text("snmplog", "file for counters, named in Go's time format: ./snmp-20060102.log",
            static c => c.SnmpLog, static (c, v) => c with { SnmpLog = v }),
        Number("snmpperiod", "seconds between lines of counters", 1, MaxSeconds,
            static c => c.SnmpPeriod, static (c, v) => c with { SnmpPeriod = (int)v }),
        Switch("tcp", "accepted, but not supported: emulate a TCP connection",
            static c => c.Tcp, static (c, v) => c with { Tcp = v }),
        Switch("pprof", "accepted, but not supported: Go's profiling server",
            static c => c.Pprof, static (c, v) => c with { Pprof = v }),
    ];

    /// <summary>Options of a client.</summary>
    public static IReadOnlyList<ConfigOption> Client { get; } =
    [
        Text("localaddr", "where to listen: host:port, or the path of a Unix socket",
            static c => c.AsClient().LocalAddress,
            static (c, v) => c.AsClient() with { LocalAddress = v }) with { Flags = ["localaddr", "l"] },
        Text("remoteaddr", "the server: host:port or host:min-max",
            static c => c.AsClient().RemoteAddress,
            static (c, v) => c.AsClient() with { RemoteAddress = v }) with { Flags = ["remoteaddr", "r"] },
        Number("conn", "sessions to the server", 1, 65535,
            static c => c.AsClient().Connections, static (c, v) => c.AsClient() with { Connections = (int)v }),
        Number("autoexpire", "seconds after which a session is replaced, 0 for never", 0, MaxSeconds,
            static c => c.AsClient().AutoExpire, static (c, v) => c.AsClient() with { AutoExpire = (int)v }),
        Number("scavengettl", "seconds that a replaced session may live on", 0, MaxSeconds,
            static c => c.AsClient().ScavengeTtl, static (c, v) => c.AsClient() with { ScavengeTtl = (int)v }),
        .. s_common,
    ];

    /// <summary>Options of a server.</summary>
    public static IReadOnlyList<ConfigOption> Server { get; } =
    [
        Text("listen", "where to listen: :port, host:port or host:min-max",
            static c => c.AsServer().Listen,
            static (c, v) => c.AsServer() with { Listen = v }) with { Flags = ["listen", "l"] },
        Text("target", "where to forward to: host:port, or the path of a Unix socket",
            static c => c.AsServer().Target,
            static (c, v) => c.AsServer() with { Target = v }) with { Flags = ["target", "t"] },
        Number("shards", "sockets that share each port, on Linux, with a processor for the clients of each; 0 for as many as processors",
            0, MaxShards, static c => c.AsServer().Shards, static (c, v) => c.AsServer() with { Shards = (int)v }),
        Number("max-connections", "sessions that may be open at a time on each port, 0 for as many as the process may have files open, at most 65536",
            0, KcptunConfig.MostForwards,
            static c => c.AsServer().MaxConnections, static (c, v) => c.AsServer() with { MaxConnections = (int)v }),
        .. s_common,
    ];

    /// <summary>What the side that the configuration is not of has.</summary>
    public static IReadOnlyList<ConfigOption> OfOtherSide(KcptunConfig config) => config is KcptunClientConfig ? Server : Client;

    private static TextOption Text(
        string key, string help, Func<KcptunConfig, string> get, Func<KcptunConfig, string, KcptunConfig> set) =>
        new(key, [key], help, get, set);

    private static NumberOption Number(
        string key,
        string help,
        long min,
        long max,
        Func<KcptunConfig, long> get,
        Func<KcptunConfig, long, KcptunConfig> set) =>
        new(key, [key], help, get, set) { Min = min, Max = max };

    private static SwitchOption Switch(
        string key, string help, Func<KcptunConfig, bool> get, Func<KcptunConfig, bool, KcptunConfig> set) =>
        new(key, [key], help, get, set);

    private static KcptunClientConfig AsClient(this KcptunConfig config) => (KcptunClientConfig)config;

    private static KcptunServerConfig AsServer(this KcptunConfig config) => (KcptunServerConfig)config;
}
