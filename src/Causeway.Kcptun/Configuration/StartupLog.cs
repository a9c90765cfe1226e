using System.Globalization;

namespace Causeway.Kcptun.Configuration;

/// <summary>The parts that the start-up lines of both sides have in common (docs/wire/kcptun.md 10.8).</summary>
internal static class StartupLog
{
    public static string Show(bool value) => value ? "true" : "false";

    public static IEnumerable<string> Ciphers(KcptunConfig config) =>
    [
        $"encryption: {config.Crypt}",
        $"QPP: {Show(config.Qpp)}",
        Invariant($"QPP Count: {config.QppCount}"),
        Invariant($"nodelay parameters: {config.NoDelay} {config.Interval} {config.Resend} {config.NoCongestion}"),
    ];

    public static IEnumerable<string> Transport(KcptunConfig config) => Transport(config, new TransportTuning(config));

    public static IEnumerable<string> Snmp(KcptunConfig config) =>
    [
        $"snmplog: {config.SnmpLog}",
        Invariant($"snmpperiod: {config.SnmpPeriod}"),
    ];

    private static IEnumerable<string> Transport(KcptunConfig config, TransportTuning tuning) =>
    [
        $"congestion control: {tuning.CongestionControl}",
        $"sndwnd: {Window(tuning.SendWindow)} rcvwnd: {Window(tuning.ReceiveWindow)}",
        $"compression: {Show(!config.NoCompression)}",
        Invariant($"mtu: {config.Mtu}"),
        Invariant($"ratelimit: {config.RateLimit}"),
        config.AdaptsFec ? "fec: auto" : Invariant($"datashard: {config.DataShards} parityshard: {config.ParityShards}"),
        $"acknodelay: {Show(config.AckNoDelay)}",
        Invariant($"dscp: {config.Dscp}"),
        Invariant($"sockbuf: {config.SocketBuffer}"),
        $"smuxbuf: {Window(tuning.SmuxBuffer)}",
        Invariant($"framesize: {config.FrameSize}"),
        $"streambuf: {Window(tuning.StreamBuffer)}",
        Invariant($"keepalive: {config.KeepAlive}"),
    ];

    private static string Window(int? window) => window?.ToString(CultureInfo.InvariantCulture) ?? "auto";

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
