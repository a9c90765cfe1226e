using Causeway.Kcp.Wire;

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

    [Fact]
    public void ReadingAndWritingAreInverse()
    {
        Random random = new(1);
        byte[] bytes = new byte[SegmentHeader.Size];
        byte[] written = new byte[SegmentHeader.Size];
        for (int i = 0; i < 1000; i++)
        {
            random.NextBytes(bytes);
            SegmentHeader.Read(bytes).Write(written);
            Assert.Equal(bytes, written);
        }
    }
}
