using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Tests.Smux;

public sealed class SmuxFrameTests
{
    [Fact]
    public void ReadAndWriteAreInverse()
    {
        Random random = new(7);
        byte[] bytes = new byte[8];
        byte[] again = new byte[8];
        for (int i = 0; i < 1000; i++)
        {
            random.NextBytes(bytes);
            SmuxFrame.Read(bytes).Write(again);
            Assert.Equal(bytes, again);
            SmuxWindowUpdate.Read(bytes).Write(again);
            Assert.Equal(bytes, again);
        }
    }

    [Fact]
    public void FieldsAreLittleEndian()
    {
        SmuxFrame frame = SmuxFrame.Read(Convert.FromHexString("0204080003000A01"));
        Assert.Equal(new SmuxFrame(2, SmuxCommand.Upd, 8, 0x010A0003), frame);
        Assert.Equal(
            new SmuxWindowUpdate(100000, 200000),
            SmuxWindowUpdate.Read(Convert.FromHexString("A0860100400D0300")));
    }

    [Theory]
    [InlineData(1, 1, 0, 0, SmuxFrameError.None)]
    [InlineData(2, 2, 2, 65535, SmuxFrameError.None)]
    [InlineData(2, 2, 2, 0, SmuxFrameError.None)]
    [InlineData(2, 2, 4, 8, SmuxFrameError.None)]
    [InlineData(2, 2, 4, 7, SmuxFrameError.WrongLength)]
    [InlineData(2, 2, 4, 9, SmuxFrameError.WrongLength)]
    [InlineData(1, 1, 4, 8, SmuxFrameError.UnknownCommand)]
    [InlineData(2, 1, 0, 0, SmuxFrameError.WrongVersion)]
    [InlineData(1, 2, 0, 0, SmuxFrameError.WrongVersion)]
    [InlineData(2, 0, 0, 0, SmuxFrameError.WrongVersion)]
    [InlineData(2, 2, 0, 1, SmuxFrameError.WrongLength)]
    [InlineData(2, 2, 1, 4, SmuxFrameError.WrongLength)]
    [InlineData(2, 2, 3, 4, SmuxFrameError.WrongLength)]
    [InlineData(2, 2, 5, 0, SmuxFrameError.UnknownCommand)]
    [InlineData(2, 2, 255, 0, SmuxFrameError.UnknownCommand)]
    public void ChecksVersionCommandAndLength(int session, int version, int command, int length, SmuxFrameError expected) =>
        Assert.Equal(expected, new SmuxFrame((byte)version, (SmuxCommand)command, (ushort)length, 3).Check(session));
}
