using System.Globalization;
using System.Text;

namespace Causeway.Kcptun.Telemetry;

/// <summary>
/// A snapshot of the counters that kcptun keeps for a process, under its names (docs/wire/kcptun.md 11). They are never
/// reset; what is said to be a gauge shows the session that ran last.
/// </summary>
public sealed record KcptunCounters
{
    private static readonly (string Csv, string Line, Func<KcptunCounters, ulong> Get)[] s_head =
    [
        Column(nameof(BytesSent), static c => c.BytesSent),
        Column(nameof(BytesReceived), static c => c.BytesReceived),
        Column(nameof(MaxConn), static c => c.MaxConn),
        Column(nameof(ActiveOpens), static c => c.ActiveOpens),
        Column(nameof(PassiveOpens), static c => c.PassiveOpens),
        Column(nameof(CurrEstab), static c => c.CurrEstab),
        Column(nameof(InErrs), static c => c.InErrs),
        Column(nameof(InCsumErrors), static c => c.InCsumErrors),
        Column("KCPInErrors", static c => c.KcpInErrors),
        Column(nameof(InPkts), static c => c.InPkts),
        Column(nameof(OutPkts), static c => c.OutPkts),
        Column(nameof(InSegs), static c => c.InSegs),
        Column(nameof(OutSegs), static c => c.OutSegs),
        Column(nameof(InBytes), static c => c.InBytes),
        Column(nameof(OutBytes), static c => c.OutBytes),
        Column(nameof(RetransSegs), static c => c.RetransSegs),
        Column(nameof(FastRetransSegs), static c => c.FastRetransSegs),
        Column(nameof(EarlyRetransSegs), static c => c.EarlyRetransSegs),
        Column(nameof(LostSegs), static c => c.LostSegs),
        Column(nameof(RepeatSegs), static c => c.RepeatSegs),
    ];

    // The reference has these four in another order in its file than in its log line, and the first under another name.
    private static readonly (string Csv, string Line, Func<KcptunCounters, ulong> Get)[] s_fec =
    [
        ("FECFullShards", "FECFullShardSet", static c => c.FecFullShardSet),
        Column("FECParityShards", static c => c.FecParityShards),
        Column("FECErrs", static c => c.FecErrs),
        Column("FECRecovered", static c => c.FecRecovered),
    ];

    private static readonly (string Csv, string Line, Func<KcptunCounters, ulong> Get)[] s_tail =
    [
        Column("FECShardSet", static c => c.FecShardSet),
        Column("FECShardMin", static c => c.FecShardMin),
        Column(nameof(RingBufferSndQueue), static c => c.RingBufferSndQueue),
        Column(nameof(RingBufferRcvQueue), static c => c.RingBufferRcvQueue),
        Column(nameof(RingBufferSndBuffer), static c => c.RingBufferSndBuffer),
        Column("OOBPackets", static c => c.OobPackets),
    ];

    private static readonly (string Csv, string Line, Func<KcptunCounters, ulong> Get)[] s_csv =
        [.. s_head, .. s_fec, .. s_tail];

    private static readonly (string Csv, string Line, Func<KcptunCounters, ulong> Get)[] s_line =
        [.. s_head, s_fec[0], s_fec[3], s_fec[2], s_fec[1], .. s_tail];

    /// <summary>The first line of a counter file, without a line end.</summary>
    public static string CsvHeader { get; } = "Unix," + string.Join(',', s_csv.Select(static column => column.Csv));

    /// <summary>Bytes that sessions took for sending, after mux and compression.</summary>
    public ulong BytesSent { get; init; }

    /// <summary>Bytes that sessions delivered.</summary>
    public ulong BytesReceived { get; init; }

    /// <summary>The highest <see cref="CurrEstab"/> seen.</summary>
    public ulong MaxConn { get; init; }

    /// <summary>Sessions made as a client.</summary>
    public ulong ActiveOpens { get; init; }

    /// <summary>Sessions made as a server.</summary>
    public ulong PassiveOpens { get; init; }

    /// <summary>Sessions that exist.</summary>
    public ulong CurrEstab { get; init; }

    /// <summary>
    /// Datagrams from a wrong source, too short for their FEC header, recorded and sent again, or sent back to their sender.
    /// </summary>
    public ulong InErrs { get; init; }

    /// <summary>Datagrams whose checksum or tag did not match.</summary>
    public ulong InCsumErrors { get; init; }

    /// <summary>Datagrams that KCP refused, rebuilt ones included.</summary>
    public ulong KcpInErrors { get; init; }

    /// <summary>Datagrams that passed the cipher.</summary>
    public ulong InPkts { get; init; }

    /// <summary>Datagrams sent, parity included.</summary>
    public ulong OutPkts { get; init; }

    /// <summary>Segments received.</summary>
    public ulong InSegs { get; init; }

    /// <summary>Segments sent, of every kind.</summary>
    public ulong OutSegs { get; init; }

    /// <summary>Bytes of <see cref="InPkts"/>, without the cipher's header.</summary>
    public ulong InBytes { get; init; }

    /// <summary>Bytes of <see cref="OutPkts"/>: whole UDP payloads.</summary>
    public ulong OutBytes { get; init; }

    /// <summary>Segments sent again, for any reason: the sum of the next three.</summary>
    public ulong RetransSegs => FastRetransSegs + EarlyRetransSegs + LostSegs;

    /// <summary>Segments sent again because enough later ones were acknowledged.</summary>
    public ulong FastRetransSegs { get; init; }

    /// <summary>Segments sent again because nothing else was in flight.</summary>
    public ulong EarlyRetransSegs { get; init; }

    /// <summary>Segments sent again after a timeout.</summary>
    public ulong LostSegs { get; init; }

    /// <summary>Data segments received that were duplicates, old or beyond the window.</summary>
    public ulong RepeatSegs { get; init; }

    /// <summary>FEC groups that were complete without parity.</summary>
    public ulong FecFullShardSet { get; init; }

    /// <summary>Data shards rebuilt.</summary>
    public ulong FecRecovered { get; init; }

    /// <summary>Failures to rebuild or to encode.</summary>
    public ulong FecErrs { get; init; }

    /// <summary>Parity shards received.</summary>
    public ulong FecParityShards { get; init; }

    /// <summary>Gauge: groups open in the decoder.</summary>
    public ulong FecShardSet { get; init; }

    /// <summary>Gauge: the newest group.</summary>
    public ulong FecShardMin { get; init; }

    /// <summary>Gauge: segments that are not numbered yet.</summary>
    public ulong RingBufferSndQueue { get; init; }

    /// <summary>Gauge: segments in order that nobody has read.</summary>
    public ulong RingBufferRcvQueue { get; init; }

    /// <summary>Gauge: segments in flight.</summary>
    public ulong RingBufferSndBuffer { get; init; }

    /// <summary>Out-of-band packets received.</summary>
    public ulong OobPackets { get; init; }

    /// <summary>A line of a counter file, without a line end.</summary>
    /// <param name="time">The time of the snapshot, written in seconds since 1970.</param>
    public string ToCsvLine(DateTimeOffset time)
    {
        StringBuilder line = new();
        line.Append(CultureInfo.InvariantCulture, $"{time.ToUnixTimeSeconds()}");
        foreach ((_, _, Func<KcptunCounters, ulong> get) in s_csv)
        {
            line.Append(CultureInfo.InvariantCulture, $",{get(this)}");
        }

        return line.ToString();
    }

    /// <summary>
    /// The line that kcptun logs on SIGUSR1: <c>KCP SNMP:&amp;{BytesSent:0 BytesReceived:0 ...}</c>
    /// (docs/wire/kcptun.md 10.8).
    /// </summary>
    public override string ToString()
    {
        StringBuilder line = new("KCP SNMP:&{");
        foreach ((_, string name, Func<KcptunCounters, ulong> get) in s_line)
        {
            line.Append(line[^1] == '{' ? "" : " ").Append(CultureInfo.InvariantCulture, $"{name}:{get(this)}");
        }

        return line.Append('}').ToString();
    }

    private static (string Csv, string Line, Func<KcptunCounters, ulong> Get) Column(
        string name, Func<KcptunCounters, ulong> get) => (name, name, get);
}
