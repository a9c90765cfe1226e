using System.Text;
using Causeway.Kcp;
using Causeway.Kcp.Arq;
using Causeway.Kcptun.Crypt;
using Causeway.Kcptun.Qpp;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcptun.Configuration;

/// <summary>
/// The options that both sides of kcptun have, under the meaning, the defaults and the limits of
/// docs/wire/kcptun.md 10.7. Key, crypt, compression, smux version and QPP must be the same on both sides; nothing is
/// negotiated (docs/wire/kcptun.md 1.2).
/// </summary>
/// <remarks>
/// A record as it was made may hold anything. <c>Validated</c> checks it and settles what depends on other options;
/// what comes from <c>Load</c>, <c>Parse</c> or <c>ParseFlags</c> has been through it.
/// </remarks>
public abstract record KcptunConfig
{
    /// <summary>The largest UDP payload that a receiver takes.</summary>
    public const int MaxMtu = 1500;

    /// <summary>Shards that a group may have: the field has 256 elements.</summary>
    public const int MaxShards = 256;

    // What Linux lets a process have open by default at most (fs.nr_open).
    internal const int MostForwards = 1 << 20;

    internal const string DefaultKey = KcptunKey.Default;
    internal const string AutomaticCongestionControl = "auto";
    internal const string FixedFec = "fixed";
    internal const string AutomaticFec = "auto";
    internal const int MinInterval = 10;
    internal const int MaxInterval = 5000;

    private readonly string _mode = "fast";
    private readonly int _noCongestion;
    private readonly int _sendWindow;
    private readonly int _receiveWindow;
    private readonly int _smuxBuffer = 4194304;
    private readonly int _streamBuffer = 2097152;
    private readonly int _dataShards = 10;
    private readonly int _parityShards = 3;
    private readonly int _closeWait;
    private readonly bool _areShardsGiven;

    private protected KcptunConfig(int sendWindow, int receiveWindow, int closeWait)
    {
        _closeWait = closeWait;
        _sendWindow = sendWindow;
        _receiveWindow = receiveWindow;
    }

    /// <summary>The names that <see cref="Crypt"/> knows.</summary>
    public static IReadOnlyList<string> CryptNames { get; } = [.. KcptunCrypt.All.Select(static crypt => crypt.Name)];

    /// <summary>The names that <see cref="CongestionControl"/> knows.</summary>
    public static IReadOnlyList<string> CongestionControlNames { get; } =
        [AutomaticCongestionControl, .. CongestionControllers.Names];

    /// <summary>
    /// The pre-shared secret from which all keys derive. Default: the public <c>it's a secrect</c>, which protects
    /// nothing.
    /// </summary>
    public string Key { get; init; } = DefaultKey;

    /// <summary>
    /// The packet cipher, one of <see cref="CryptNames"/>; with <see cref="Compat"/> any other name means <c>aes</c>, as to
    /// kcptun (docs/wire/kcptun.md 2). Default: <c>aes</c>.
    /// </summary>
    public string Crypt { get; init; } = KcptunCrypt.DefaultName;

    /// <summary>
    /// Whether what kcptun forgives is forgiven with a warning, although it may leave sessions less protected than they were
    /// meant to be: an unknown <see cref="Crypt"/>, and a key of a JSON file that no option has and that may be a misspelt
    /// <c>key</c>, <c>crypt</c> or <c>qpp</c>. Default: false, they are refused.
    /// </summary>
    public bool Compat { get; init; }

    /// <summary>
    /// A profile: <c>normal</c>, <c>fast</c>, <c>fast2</c> or <c>fast3</c> set <see cref="NoDelay"/>,
    /// <see cref="Interval"/>,
    /// <see cref="Resend"/> and <see cref="NoCongestion"/>; any other name, such as <c>manual</c>, leaves them.
    /// Default: <c>fast</c>. One that is set also stands for kcptun's congestion control: see
    /// <see cref="CongestionControl"/>.
    /// </summary>
    public string Mode
    {
        get => _mode;
        init
        {
            _mode = value;
            Given |= GivenOptions.Mode;
        }
    }

    /// <summary>
    /// The congestion control: one of <see cref="CongestionControlNames"/>. Default: <c>auto</c>, which is <c>bbr</c>
    /// unless <see cref="Mode"/>, <see cref="NoCongestion"/>, <see cref="SendWindow"/> or <see cref="ReceiveWindow"/>
    /// is set; then it is what kcptun does, <c>fixed</c> (nc=1, as in all named modes) or <c>classic</c>.
    /// </summary>
    /// <remarks>
    /// With <c>bbr</c>, <c>cubic</c> and <c>newreno</c> the windows and the buffers of smux set themselves, except those
    /// that are set here. With <c>fixed</c> and <c>classic</c> all of them are kcptun's.
    /// </remarks>
    public string CongestionControl { get; init; } = AutomaticCongestionControl;

    /// <summary>
    /// Received data that one session may hold where windows set themselves, in MiB, 1 to 1024. Default: 64.
    /// </summary>
    public int Memory { get; init; } = (int)(KcpProfile.DefaultMemoryBudget >> 20);

    /// <summary>
    /// Whether what is sent can be marked by routers instead of being dropped (ECN, RFC 3168): where the peer is Causeway on
    /// Linux, the path keeps the marks, which is tried first, and the congestion control answers them, which <c>fixed</c> and
    /// <c>classic</c> do not. The peer need not set it to report marks. Default: false, since a peer is asked by a payload
    /// that kcptun skips.
    /// </summary>
    public bool Ecn { get; init; }

    /// <summary>Whether stream bytes go through QPP. Default: false.</summary>
    public bool Qpp { get; init; }

    /// <summary>Pads of QPP, 1 to 65535, best an odd number. Default: 61.</summary>
    public int QppCount { get; init; } = 61;

    /// <summary>The largest UDP payload in bytes, 86 to 1500; more is capped to 1500. Default: 1350.</summary>
    public int Mtu { get; init; } = 1350;

    /// <summary>
    /// Bytes per second that a session may send, parity included; 0 for no limit, negative is taken for 0. Default: 0.
    /// </summary>
    public long RateLimit { get; init; }

    /// <summary>
    /// Send window in segments, at least 1. Default: 128 for a client, 1024 for a server, unless it sets itself: see
    /// <see cref="CongestionControl"/>.
    /// </summary>
    public int SendWindow
    {
        get => _sendWindow;
        init
        {
            _sendWindow = value;
            Given |= GivenOptions.SendWindow;
        }
    }

    /// <summary>
    /// Receive window in segments, 1 to 65535. Default: 512 for a client, 1024 for a server, unless it sets itself: see
    /// <see cref="CongestionControl"/>.
    /// </summary>
    public int ReceiveWindow
    {
        get => _receiveWindow;
        init
        {
            _receiveWindow = value;
            Given |= GivenOptions.ReceiveWindow;
        }
    }

    /// <summary>
    /// How much parity is sent: <c>fixed</c>, by <see cref="DataShards"/> and <see cref="ParityShards"/>, or <c>auto</c>,
    /// as the path's losses demand, which excludes setting them. Between two ends that both are Causeway. Default:
    /// <c>fixed</c>.
    /// </summary>
    public string Fec { get; init; } = FixedFec;

    /// <summary>
    /// Data shards of a FEC group; 0 switches FEC off. With <see cref="ParityShards"/> at most 256. Default: 10.
    /// </summary>
    public int DataShards
    {
        get => _dataShards;
        init
        {
            _dataShards = value;
            _areShardsGiven = true;
        }
    }

    /// <summary>Parity shards of a FEC group; 0 switches FEC off. Default: 3.</summary>
    public int ParityShards
    {
        get => _parityShards;
        init
        {
            _parityShards = value;
            _areShardsGiven = true;
        }
    }

    /// <summary>Differentiated services code point of outgoing packets, 0 to 63. Default: 0.</summary>
    public int Dscp { get; init; }

    /// <summary>Whether the byte pipe is left uncompressed. Default: false.</summary>
    public bool NoCompression { get; init; }

    /// <summary>Whether every datagram is acknowledged at once. Default: false.</summary>
    public bool AckNoDelay { get; init; }

    /// <summary>
    /// 1 for a minimum of the retransmission timeout of 30 ms instead of 100 ms. Set by a named mode. Default: 0.
    /// </summary>
    public int NoDelay { get; init; }

    /// <summary>Flush interval in milliseconds, clamped to 10 to 5000. Set by a named mode. Default: 50.</summary>
    public int Interval { get; init; } = 50;

    /// <summary>
    /// Later acknowledgements after which a segment is sent again; 0 or less for never. Set by a named mode. Default:
    /// 0.
    /// </summary>
    public int Resend { get; init; }

    /// <summary>1 for no congestion window. Set by a named mode. Default: 0.</summary>
    public int NoCongestion
    {
        get => _noCongestion;
        init
        {
            _noCongestion = value;
            Given |= GivenOptions.NoCongestion;
        }
    }

    /// <summary>Send and receive buffer of a UDP socket in bytes. Default: 4194304.</summary>
    public int SocketBuffer { get; init; } = 4194304;

    /// <summary>Version of smux, 1 or 2; kcptun of 2021 has 1 for its default. Default: 2.</summary>
    public int SmuxVersion { get; init; } = 2;

    /// <summary>
    /// Bytes that all streams of a session may have received and not read. Default: 4194304, unless it sets itself: see
    /// <see cref="CongestionControl"/>.
    /// </summary>
    public int SmuxBuffer
    {
        get => _smuxBuffer;
        init
        {
            _smuxBuffer = value;
            Given |= GivenOptions.SmuxBuffer;
        }
    }

    /// <summary>Payload of the largest smux frame in bytes, 1 to 65535. Default: 8192.</summary>
    public int FrameSize { get; init; } = 8192;

    /// <summary>
    /// Bytes that a stream may have received and not read, at most <see cref="SmuxBuffer"/>; smux 2. Default: 2097152,
    /// unless it sets itself: see <see cref="CongestionControl"/>.
    /// </summary>
    public int StreamBuffer
    {
        get => _streamBuffer;
        init
        {
            _streamBuffer = value;
            Given |= GivenOptions.StreamBuffer;
        }
    }

    /// <summary>
    /// Seconds between heartbeats, 1 to 30: the other side gives up after 30 without any. Default: 10.
    /// </summary>
    public int KeepAlive { get; init; } = 10;

    /// <summary>
    /// Seconds that one direction of a connection may outlive the other. Default: 0 for a client, 30 for a server, with a
    /// peer that cannot close one direction alone, as kcptun. One that is set also holds between two ends of Causeway.
    /// </summary>
    public int CloseWait
    {
        get => _closeWait;
        init
        {
            _closeWait = value;
            Given |= GivenOptions.CloseWait;
        }
    }

    /// <summary>Whether <see cref="CloseWait"/> was set, to whatever value.</summary>
    public bool IsCloseWaitGiven => Given.HasFlag(GivenOptions.CloseWait);

    /// <summary>
    /// Connections that are forwarded at a time, 0 to 1048576. 0, the default, leaves it to the program: for the command, as
    /// many as the process may have files open, at most 16384. kcptun has no such option.
    /// </summary>
    public int MaxForwards { get; init; }

    /// <summary>The file that log lines are appended to; empty for the standard error. Default: empty.</summary>
    public string Log { get; init; } = "";

    /// <summary>Whether messages about single streams are left out. Default: false.</summary>
    public bool Quiet { get; init; }

    /// <summary>
    /// The file that counters are appended to, its name in Go's time layout; empty for none. Default: empty.
    /// </summary>
    public string SnmpLog { get; init; } = "";

    /// <summary>Seconds between two lines of <see cref="SnmpLog"/>, at least 1. Default: 60.</summary>
    public int SnmpPeriod { get; init; } = 60;

    /// <summary>The reference's imitation of TCP, which is not supported: true is refused. Default: false.</summary>
    public bool Tcp { get; init; }

    /// <summary>Go's profiling server, which is not supported: true is refused. Default: false.</summary>
    public bool Pprof { get; init; }

    /// <summary>What a user should know about this configuration, one line each. Filled when it is validated.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Keys of a file that no option has and that may have been meant to protect, as messages tell of them.</summary>
    internal IReadOnlyList<string> Unforgivable { get; init; } = [];

    /// <summary>Whether forward error correction is on: both kinds of shards are.</summary>
    public bool UsesFec => DataShards > 0 && ParityShards > 0;

    /// <summary>Whether parity follows the path: <see cref="Fec"/> is <c>auto</c>.</summary>
    internal bool AdaptsFec => Fec == AutomaticFec;

    internal abstract IReadOnlyList<ConfigOption> Options { get; }

    /// <summary>Options that were set, to whatever value, of those for which being set means something.</summary>
    internal GivenOptions Given { get; private protected init; }

    /// <summary>All options with their values, except the key: safe to be logged.</summary>
    public sealed override string ToString() =>
        string.Join(' ', Options.Select(option => $"{option.JsonKey}={(option.IsSecret ? "***" : option.Show(this))}"));

    /// <summary>The record with what <c>Validated</c> of either side has in common done to it.</summary>
    /// <exception cref="KcptunConfigException">A value is out of range.</exception>
    private protected KcptunConfig ValidatedCommon(IReadOnlyList<string> warningsOfSide)
    {
        List<string> warnings = [.. Warnings, .. warningsOfSide];
        KcptunConfig config = Settled(warnings);
        foreach (ConfigOption option in config.Options)
        {
            option.Validate(config);
        }

        if (!CongestionControlNames.Contains(config.CongestionControl))
        {
            throw new KcptunConfigException(
                $"cc is {KcptunConfigException.Quote(config.CongestionControl)}; allowed: {string.Join(", ", CongestionControlNames)}");
        }

        if (config.Fec is not (FixedFec or AutomaticFec))
        {
            throw new KcptunConfigException(
                $"fec is {KcptunConfigException.Quote(config.Fec)}; allowed: {FixedFec}, {AutomaticFec}");
        }

        if (config.AdaptsFec && config._areShardsGiven)
        {
            throw new KcptunConfigException(
                $"fec is {AutomaticFec} and datashard or parityshard is set; allowed: one or the other");
        }

        if (config.DataShards + config.ParityShards > MaxShards)
        {
            throw new KcptunConfigException(
                $"datashard is {config.DataShards} and parityshard is {config.ParityShards}; "
                + $"allowed: together at most {MaxShards}");
        }

        if (config.StreamBuffer > config.SmuxBuffer)
        {
            throw new KcptunConfigException(
                $"streambuf is {config.StreamBuffer}; allowed: at most smuxbuf, which is {config.SmuxBuffer}");
        }

        if (new TransportTuning(config) is { SmuxBuffer: null, StreamBuffer: { } window } && window > config.Memory << 20)
        {
            throw new KcptunConfigException(
                $"streambuf is {window}; allowed: at most memory, which is {config.Memory} MiB, unless smuxbuf is given");
        }

        if (config.Tcp)
        {
            throw new KcptunConfigException("tcp is true; allowed: false (imitating TCP is not supported)");
        }

        if (config.Pprof)
        {
            throw new KcptunConfigException("pprof is true; allowed: false (Go's profiling server is not supported)");
        }

        if (config.Ecn && new TransportTuning(config) is { CongestionControl: "fixed" or "classic" } tuning)
        {
            warnings.Add($"ecn is true, but cc is {tuning.CongestionControl}, which answers no marks: none are asked for");
        }

        if (config.Qpp)
        {
            warnings.AddRange(QppPad.Warnings(Encoding.UTF8.GetByteCount(config.Key), config.QppCount));
        }

        return config with { Warnings = [.. warnings.Distinct()] };
    }

    /// <summary>What leaves sessions less protected than they were meant to be is refused, or warned of where that is asked for.</summary>
    private static void Forgive(KcptunConfig config, List<string> warnings)
    {
        foreach (string unknown in config.Unforgivable)
        {
            if (!config.Compat)
            {
                throw new KcptunConfigException($"{unknown} It may be meant to protect, so it is not ignored, unless compat is true");
            }

            warnings.Add($"{unknown} (ignored)");
        }

        if (CryptNames.Contains(config.Crypt))
        {
            return;
        }

        string quoted = KcptunConfigException.Quote(config.Crypt);
        if (!config.Compat)
        {
            throw new KcptunConfigException(
                $"crypt is {quoted}; allowed: {string.Join(", ", CryptNames)}, or any name with compat, which means aes to kcptun");
        }

        warnings.Add($"crypt {quoted} is unknown and means aes");
    }

    /// <summary>Applies the mode and brings into range what the reference does not refuse either.</summary>
    private KcptunConfig Settled(List<string> warnings)
    {
        KcptunConfig config = this;
        config = config.Mode switch
        {
            "normal" => config with { NoDelay = 0, Interval = 40, Resend = 2, NoCongestion = 1 },
            "fast" => config with { NoDelay = 0, Interval = 30, Resend = 2, NoCongestion = 1 },
            "fast2" => config with { NoDelay = 1, Interval = 20, Resend = 2, NoCongestion = 1 },
            "fast3" => config with { NoDelay = 1, Interval = 10, Resend = 2, NoCongestion = 1 },
            _ => config,
        };

        // The user did not set what a mode sets.
        config = config with { Given = Given };
        if (config.Mode is not ("normal" or "fast" or "fast2" or "fast3" or "manual" or "default"))
        {
            warnings.Add($"mode {KcptunConfigException.Quote(config.Mode)} is unknown and means manual");
        }

        Forgive(config, warnings);
        if (config.Key is DefaultKey or "")
        {
            warnings.Add($"key is {(config.Key.Length == 0 ? "empty" : "the default")}, which everybody knows: set one of your own");
        }

        if (config.Mtu > MaxMtu)
        {
            warnings.Add($"mtu is {config.Mtu}; {MaxMtu} is used");
            config = config with { Mtu = MaxMtu };
        }

        if (config.RateLimit < 0)
        {
            warnings.Add($"ratelimit is {config.RateLimit}; 0 is used");
            config = config with { RateLimit = 0 };
        }

        int interval = Math.Clamp(config.Interval, MinInterval, MaxInterval);
        if (interval != config.Interval)
        {
            warnings.Add($"interval is {config.Interval}; {interval} is used");
            config = config with { Interval = interval };
        }

        return config;
    }
}
