namespace Causeway.TestKit.Tests;

public sealed class SeededTests
{
    [Fact]
    public void SequenceOfASeedNeverChanges()
    {
        SeededRandom random = new(1234567);

        // The first numbers of SplitMix64 for this seed, as other implementations print them.
        Assert.Equal(6457827717110365317UL, random.NextUInt64());
        Assert.Equal(3203168211198807973UL, random.NextUInt64());
        Assert.Equal(9817491932198370423UL, random.NextUInt64());
    }

    [Fact]
    public void NumbersStayInTheirRangesAndReachTheirEnds()
    {
        SeededRandom random = new(7);
        bool[] seen = new bool[6];
        int heads = 0;
        for (int i = 0; i < 10_000; i++)
        {
            seen[random.Between(0, 5)] = true;
            Assert.InRange(random.NextDouble(), 0, 0.9999999999999999);
            heads += random.Chance(0.25) ? 1 : 0;
        }

        Assert.DoesNotContain(false, seen);
        Assert.InRange(heads, 2300, 2700);
    }

    [Fact]
    public void PatternIsTheSameInWhateverPiecesItIsMade()
    {
        SeededPattern pattern = new(42);

        // More than the page that the pattern repeats, so that pieces cross its end.
        byte[] whole = new byte[70_000];
        pattern.Fill(0, whole);
        SeededRandom random = new(3);
        for (int round = 0; round < 200; round++)
        {
            int start = random.Next(whole.Length);
            byte[] piece = new byte[random.Next(whole.Length - start) + 1];
            pattern.Fill(start, piece);
            Assert.Equal(whole[start..(start + piece.Length)], piece);
            Assert.Equal(-1, pattern.FirstDifference(start, piece));
            int at = random.Next(piece.Length);
            piece[at] ^= 1;
            Assert.Equal(at, pattern.FirstDifference(start, piece));
        }

        Assert.NotEqual(whole[..100], whole[65_536..65_636]);
        byte[] far = new byte[3];
        pattern.Fill((1L << 40) + 5, far);
        Assert.Equal(-1, pattern.FirstDifference((1L << 40) + 5, far));
        Assert.NotEqual(-1, pattern.FirstDifference((1L << 40) + 4, far));
        Assert.NotEqual(-1, new SeededPattern(43).FirstDifference(0, whole));
    }
}
