using Causeway.Protocol;
using Causeway.Quic.Streams;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Streams;

public sealed class SendBufferTests : IDisposable
{
    private readonly PacketPool _pool = new(track: true, stackTraces: false);
    private SendBuffer _buffer;

    public void Dispose()
    {
        _buffer.Clear();
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void GivesNewBytesInOrder()
    {
        Append(5000);
        Assert.Equal((0, 1000), Send(1000));
        Assert.Equal((1000, 4000), Send(9999));
        Assert.Equal((5000, 0), Send(9999));
        Assert.False(_buffer.HasUnsent);
        Assert.False(_buffer.IsAcknowledged);
    }

    [Fact]
    public void GivesLostBytesBeforeNewOnes()
    {
        Append(5000);
        Send(1000);
        Send(1000);
        _buffer.OnLost(0, 1000);
        Assert.Equal((0, 600), Send(600));
        Assert.Equal((600, 400), Send(600));
        Assert.Equal((2000, 600), Send(600));
    }

    [Fact]
    public void DoesNotSendAgainWhatArrivedInAnotherPacket()
    {
        Append(3000);
        Send(3000);
        _buffer.OnAcknowledged(1000, 1000);
        _buffer.OnLost(0, 3000);
        Assert.Equal((0, 1000), Send(3000));
        Assert.Equal((2000, 1000), Send(3000));
        Assert.False(_buffer.HasLost);
    }

    [Fact]
    public void ALossThatWasNoneIsTakenBack()
    {
        Append(3000);
        Send(3000);
        _buffer.OnLost(500, 1000);
        Assert.Equal(1000, _buffer.OnAcknowledged(500, 1000));
        Assert.False(_buffer.HasLost);
    }

    [Fact]
    public void ReleasesBuffersAsTheyAreAcknowledged()
    {
        Append(3 * PacketPool.DefaultBufferSize);
        Send(100_000);
        Assert.Equal(3, _pool.Outstanding);
        _buffer.OnAcknowledged(0, PacketPool.DefaultBufferSize);
        Assert.Equal(2, _pool.Outstanding);
        _buffer.OnAcknowledged(PacketPool.DefaultBufferSize, 2 * PacketPool.DefaultBufferSize);
        Assert.Equal(0, _pool.Outstanding);
        Assert.True(_buffer.IsAcknowledged);
    }

    /// <summary>Random operations against arrays with a flag for each byte.</summary>
    [Fact]
    public void KnowsOfEachByteWhatAPlainModelKnows()
    {
        for (ulong seed = 1; seed <= 300; seed++)
        {
            RunModel(seed);
        }
    }

    private static void RunModel(ulong seed)
    {
        SeededRandom random = new(seed);
        PacketPool pool = new(track: true, stackTraces: false);
        SendBuffer buffer = default;
        List<byte> written = [];
        HashSet<long> acked = [];
        HashSet<long> lost = [];
        List<(long Offset, int Length)> flying = [];
        long sent = 0;
        for (int step = 0; step < 200; step++)
        {
            switch (random.Next(5))
            {
                case 0:
                    byte[] bytes = new byte[random.Next(3000)];
                    random.Fill(bytes);
                    written.AddRange(bytes);
                    buffer.Append(bytes, pool);
                    break;
                case 1 or 2:
                    buffer.Next(1 + random.Next(1400), out long offset, out int length);
                    Assert.True(lost.Count > 0 ? lost.Contains(offset) : offset == sent, $"seed {seed}: offset {offset}");
                    byte[] read = new byte[length];
                    if (length > 0)
                    {
                        buffer.Read(offset, read);
                        Assert.Equal(written.GetRange((int)offset, length), read);
                        buffer.OnSent(offset, length);
                        sent = Math.Max(sent, offset + length);
                        lost.RemoveWhere(b => b >= offset && b < offset + length);
                        flying.Add((offset, length));
                    }

                    break;
                case 3 when flying.Count > 0:
                    (long o, int l) = Take(flying, random);
                    long added = Enumerable.Range(0, l).Count(i => acked.Add(o + i));
                    lost.RemoveWhere(b => b >= o && b < o + l);
                    Assert.Equal(added, buffer.OnAcknowledged(o, l));
                    break;
                case 4 when flying.Count > 0:
                    (long p, int q) = Take(flying, random);
                    lost.UnionWith(Enumerable.Range(0, q).Select(i => p + i).Where(b => !acked.Contains(b)));
                    buffer.OnLost(p, q);
                    break;
            }

            Assert.Equal(lost.Count > 0, buffer.HasLost);
            Assert.Equal(sent, buffer.Sent);
            Assert.Equal(acked.Count == written.Count, buffer.IsAcknowledged);
        }

        buffer.Clear();
        pool.ThrowIfOutstanding();
    }

    private static (long, int) Take(List<(long, int)> list, SeededRandom random)
    {
        int index = random.Next(list.Count);
        (long, int) taken = list[index];
        list.RemoveAt(index);
        return taken;
    }

    private void Append(int count) => _buffer.Append(new byte[count], _pool);

    private (long Offset, int Length) Send(int most)
    {
        _buffer.Next(most, out long offset, out int length);
        _buffer.OnSent(offset, length);
        return (offset, length);
    }
}
