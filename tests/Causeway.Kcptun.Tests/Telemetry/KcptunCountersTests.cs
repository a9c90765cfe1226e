using System.Reflection;
using Causeway.Kcptun.Telemetry;

namespace Causeway.Kcptun.Tests.Telemetry;

public sealed class KcptunCountersTests
{
    // Spec 11, written out.
    private const string Columns =
        "BytesSent, BytesReceived, MaxConn, ActiveOpens, PassiveOpens, CurrEstab, InErrs, InCsumErrors, KCPInErrors, InPkts, "
        + "OutPkts, InSegs, OutSegs, InBytes, OutBytes, RetransSegs, FastRetransSegs, EarlyRetransSegs, LostSegs, RepeatSegs, "
        + "FECFullShards, FECParityShards, FECErrs, FECRecovered, FECShardSet, FECShardMin, RingBufferSndQueue, "
        + "RingBufferRcvQueue, RingBufferSndBuffer, OOBPackets";

    private static readonly KcptunCounters s_all = new()
    {
        BytesSent = 1,
        BytesReceived = 2,
        MaxConn = 3,
        ActiveOpens = 4,
        PassiveOpens = 5,
        CurrEstab = 6,
        InErrs = 7,
        InCsumErrors = 8,
        KcpInErrors = 9,
        InPkts = 10,
        OutPkts = 11,
        InSegs = 12,
        OutSegs = 13,
        InBytes = 14,
        OutBytes = 15,
        FastRetransSegs = 17,
        EarlyRetransSegs = 18,
        LostSegs = 19,
        RepeatSegs = 20,
        FecFullShardSet = 21,
        FecParityShards = 22,
        FecErrs = 23,
        FecRecovered = 24,
        FecShardSet = 25,
        FecShardMin = 26,
        RingBufferSndQueue = 27,
        RingBufferRcvQueue = 28,
        RingBufferSndBuffer = 29,
        OobPackets = ulong.MaxValue,
    };

    [Fact]
    public void HeaderHasTheColumnsOfTheReference() =>
        Assert.Equal("Unix," + Columns.Replace(", ", ",", StringComparison.Ordinal), KcptunCounters.CsvHeader);

    [Fact]
    public void LineHasTheValuesInTheHeadersOrder() => Assert.Equal(
        "1700000000,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,54,17,18,19,20,21,22,23,24,25,26,27,28,29,18446744073709551615",
        s_all.ToCsvLine(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000)));

    [Fact]
    public void SignalLineIsTheReferences() => Assert.Equal(
        "KCP SNMP:&{BytesSent:1 BytesReceived:2 MaxConn:3 ActiveOpens:4 PassiveOpens:5 CurrEstab:6 InErrs:7 InCsumErrors:8 "
        + "KCPInErrors:9 InPkts:10 OutPkts:11 InSegs:12 OutSegs:13 InBytes:14 OutBytes:15 RetransSegs:54 FastRetransSegs:17 "
        + "EarlyRetransSegs:18 LostSegs:19 RepeatSegs:20 FECFullShardSet:21 FECRecovered:24 FECErrs:23 FECParityShards:22 "
        + "FECShardSet:25 FECShardMin:26 RingBufferSndQueue:27 RingBufferRcvQueue:28 RingBufferSndBuffer:29 "
        + "OOBPackets:18446744073709551615}",
        s_all.ToString());

    [Fact]
    public void EveryCounterIsInTheFile()
    {
        int counters = typeof(KcptunCounters).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Count(static property => property.PropertyType == typeof(ulong));
        Assert.Equal(KcptunCounters.CsvHeader.Split(',').Length - 1, counters);
    }
}
