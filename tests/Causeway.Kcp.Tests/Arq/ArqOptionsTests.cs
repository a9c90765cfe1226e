using Causeway.Kcp.Arq;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Tests.Arq;

public sealed class ArqOptionsTests
{
    public static TheoryData<string, ArqOptions> Bad => new()
    {
        { "MaxDatagramSize is 49; it must lie between 50 and 65507", new() { MaxDatagramSize = 49 } },
        { "SendWindow is 0; it must lie between 1 and 65535", new() { SendWindow = 0 } },
        { "MemoryBudget is 1048575; it must lie between 1048576 and 1073741824", new() { MemoryBudget = (1 << 20) - 1 } },
        { "ReceiveWindow is 65536; it must lie between 1 and 65535", new() { ReceiveWindow = 65536 } },
        { "Interval is 00:00:06", new() { Interval = TimeSpan.FromSeconds(6) } },
        { "FastResend is -1", new() { FastResend = -1 } },
        { "DeadLinkTransmissions is 1", new() { DeadLinkTransmissions = 1 } },
        { "DeadLinkTimeout is 00:00:00", new() { DeadLinkTimeout = TimeSpan.Zero } },
        { "TimestampResolutionMicroseconds is 0", new() { TimestampResolutionMicroseconds = 0 } },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void ABadValueIsNamedWithItsRange(string message, ArqOptions options)
    {
        PacketPool pool = new();
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(
            () => new ArqSession(1, options, new FixedController(), pool));
        Assert.Contains("ArqOptions." + message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void APoolOfTooSmallBuffersIsRefused()
    {
        PacketPool pool = new(bufferSize: 1000);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ArqSession(1, new ArqOptions(), new FixedController(), pool));
    }
}
