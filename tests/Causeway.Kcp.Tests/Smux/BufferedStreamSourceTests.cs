using Causeway.Kcp.Smux;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Kcp.Tests.Smux;

public sealed class BufferedStreamSourceTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void GivesBackWhatWasWrittenWithinItsCapacity(int seed)
    {
        Random random = new(seed);
        PacketPool pool = new(128, track: true);
        using (BufferedStreamSource source = new(pool, 1000))
        {
            List<byte> written = [];
            List<byte> read = [];
            while (read.Count < 5000)
            {
                byte[] bytes = new byte[random.Next(0, 600)];
                random.NextBytes(bytes);
                int taken = source.Write(bytes);
                Assert.Equal(Math.Min(bytes.Length, 1000 - (written.Count - read.Count)), taken);
                written.AddRange(bytes[..taken]);
                for (int i = random.Next(8); i > 0 && source.Peek().Length > 0; i--)
                {
                    int count = random.Next(1, source.Peek().Length + 1);
                    read.AddRange(source.Peek()[..count]);
                    source.Advance(count);
                }

                Assert.Equal(written.Count - read.Count, source.Length);
                Assert.Equal(source.Length == 0, source.Peek().IsEmpty);
            }

            Assert.Equal(written.Take(read.Count), read);
            source.Write(new byte[1000]);
        }

        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void MoreCannotBeTakenThanWasPeeked()
    {
        using BufferedStreamSource source = new(PacketPool.Shared);
        source.Write("abc"u8);
        Assert.Throws<ArgumentOutOfRangeException>(() => source.Advance(4));
        source.Advance(0);
        Assert.Equal("abc"u8, source.Peek());
    }
}
