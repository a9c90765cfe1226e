using Causeway.Kcp.Wire;
using FsCheck.Xunit;

namespace Causeway.Kcp.Tests.Smux;

public sealed class SmuxFrameTests
{
    [Property(MaxTest = 1000)]
    public void ReadAndWriteAreInverse(byte version, byte command, ushort length, uint stream)
    {
        SmuxFrame frame = new(version, (SmuxCommand)command, length, stream);
        byte[] written = new byte[8];
        frame.Write(written);
        Assert.Equal(frame, SmuxFrame.Read(written));
    }

    [Property(MaxTest = 1000)]
    public void ReadAndWriteOfWindowUpdatesAreInverse(uint consumed, uint window)
    {
        SmuxWindowUpdate update = new(consumed, window);
        byte[] written = new byte[8];
        update.Write(written);
        Assert.Equal(update, SmuxWindowUpdate.Read(written));
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
