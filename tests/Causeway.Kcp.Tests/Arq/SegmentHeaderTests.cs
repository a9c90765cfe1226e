using Causeway.Kcp.Wire;
using FsCheck.Xunit;

namespace Causeway.Kcp.Tests.Arq;

public sealed class SegmentHeaderTests
{
    [Fact]
    public void LaysFieldsOutAsTheWireHasThem()
    {
        byte[] bytes = ArqHarness.Segment(
            SegmentCommand.Push, sequence: 0x01020304, una: 0x05060708, time: 0x090A0B0C, window: 0x0D0E, data: [1], fragment: 7);
        Assert.Equal("44332211" + "51" + "07" + "0e0d" + "0c0b0a09" + "04030201" + "08070605" + "01000000" + "01",
            Convert.ToHexStringLower(bytes));
    }

    [Property(MaxTest = 1000)]
    public void ReadingAndWritingAreInverse(
        uint conversation, byte command, byte fragment, ushort window, uint time, uint sequence, uint una, uint length)
    {
        SegmentHeader header = new()
        {
            Conversation = conversation,
            Command = (SegmentCommand)command,
            Fragment = fragment,
            Window = window,
            Time = time,
            Sequence = sequence,
            Unacknowledged = una,
            Length = length,
        };
        byte[] written = new byte[SegmentHeader.Size];
        header.Write(written);
        Assert.Equal(header, SegmentHeader.Read(written));
    }
}
