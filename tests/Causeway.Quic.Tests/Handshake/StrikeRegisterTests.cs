using Causeway.Protocol;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

public class StrikeRegisterTests
{
    private const long Start = 1_000_000_000_000;
    private static readonly HandshakeEnvironment s_environment =
        new(new Random(1).NextBytes, DateTimeOffset.FromUnixTimeMilliseconds(Start));

    [Fact]
    public void TakesEachBinderOnce()
    {
        StrikeRegister register = new(1024, s_environment, Timestamp.Zero);
        Assert.True(register.TryTake(Binder(1), Start, 100, Start + 100));
        Assert.False(register.TryTake(Binder(1), Start, 100, Start + 100));
        Assert.False(register.TryTake(Binder(1), Start, 100, Start + 9_000));
        Assert.True(register.TryTake(Binder(2), Start, 100, Start + 9_000));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(9_999, true)]
    [InlineData(-9_999, true)]
    [InlineData(10_001, false)]
    [InlineData(-10_001, false)]
    public void TakesOnlyWhatArrivesWhenItsAgeSays(int late, bool taken)
    {
        StrikeRegister register = new(64, s_environment, Timestamp.Zero);
        Assert.Equal(taken, register.TryTake(Binder(1), Start + 1, 50_000, Start + 1 + 50_000 + late));
    }

    [Fact]
    public void RefusesAReplayAsLongAsItsAgeIsBelieved()
    {
        StrikeRegister register = new(64, s_environment, Timestamp.Zero);
        long sent = Start + 60_000;
        Assert.True(register.TryTake(Binder(1), Start, 60_000, sent - 9_500));
        for (long time = sent - 9_500; time <= sent + 12_000; time += 250)
        {
            Assert.False(register.TryTake(Binder(1), Start, 60_000, time));
        }
    }

    [Fact]
    public void RefusesWhatAnEarlierRegisterMayHaveTaken()
    {
        StrikeRegister register = new(64, s_environment, Timestamp.FromMilliseconds(100_000));
        long restarted = Start + 100_000;
        Assert.False(register.TryTake(Binder(1), Start, 100_500, restarted + 500));
        Assert.True(register.TryTake(Binder(1), Start, 111_000, restarted + 11_000));

        // A ticket that is younger than the register cannot have been used before it.
        Assert.True(register.TryTake(Binder(2), restarted + 10, 100, restarted + 110));
    }

    [Fact]
    public void RefusesWhenItIsFullAndTakesAgainWhenEntriesAreOld()
    {
        StrikeRegister register = new(64, s_environment, Timestamp.Zero);
        int taken = 0;
        for (int index = 0; index < 1000; index++)
        {
            taken += register.TryTake(Binder(index), Start, 1000, Start + 1000) ? 1 : 0;
        }

        Assert.InRange(taken, 32, 64);
        Assert.True(register.TryTake(Binder(5000), Start, 60_000, Start + 60_000));
    }

    [Fact]
    public void SeldomRefusesWhenHalfFull()
    {
        StrikeRegister register = new(8192, s_environment, Timestamp.Zero);
        int refused = 0;
        for (int index = 0; index < 4096; index++)
        {
            refused += register.TryTake(Binder(index), Start, 1000, Start + 1000) ? 0 : 1;
        }

        Assert.InRange(refused, 0, 80);
    }

    [Fact]
    public void SeveralThreadsTogetherTakeABinderAtMostOnce()
    {
        StrikeRegister register = new(4096, s_environment, Timestamp.Zero);
        int[] taken = new int[500];
        Parallel.For(0, 4, _ =>
        {
            for (int index = 0; index < taken.Length; index++)
            {
                if (register.TryTake(Binder(index), Start, 1000, Start + 1000))
                {
                    Interlocked.Increment(ref taken[index]);
                }
            }
        });
        Assert.All(taken, count => Assert.Equal(1, count));
    }

    private static byte[] Binder(int value)
    {
        byte[] binder = new byte[32];
        BitConverter.TryWriteBytes(binder, value);
        return binder;
    }
}
