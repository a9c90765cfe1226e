using System.Text;
using Causeway.Kcptun.Compression;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.Compression;

public sealed class SnappyCodecTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void RoundTripsFramesThroughAnyCuts(int seed)
    {
        Random random = new(seed);
        for (int round = 0; round < 40; round++)
        {
            using SnappyFixture fixture = new(track: round == 0);
            List<byte> sent = [];
            List<byte> stream = [];
            for (int frame = random.Next(1, 12); frame > 0; frame--)
            {
                byte[] header = SnappyBlockTests.Sample(random, 8);
                byte[] payload = SnappyBlockTests.Sample(random, random.Next(0, random.Next(4) == 0 ? 65535 : 9000));
                sent.AddRange([.. header, .. payload]);
                stream.AddRange(fixture.Codec.Encode(header, payload));
            }

            int[] cuts = [.. Enumerable.Range(0, 20).Select(_ => random.Next(1, random.Next(2) == 0 ? 1400 : 30))];
            byte[] decoded = fixture.Decode([.. stream], cuts);
            Assert.True(fixture.Codec.Failure is null, $"seed {seed} round {round}: {fixture.Codec.Failure}");
            Assert.True(sent.SequenceEqual(decoded), $"seed {seed} round {round}");
            Assert.Equal(0, fixture.Codec.PendingBytes);
        }
    }

    [Fact]
    public void WritesTheIdentifierOnceAndOneChunkForEachFrame()
    {
        using SnappyFixture fixture = new();
        Assert.True(fixture.Codec.Encode([], []).IsEmpty);
        Assert.Equal(10 + 8 + 8, fixture.Codec.Encode(new byte[8], []).Length);
        Assert.Equal(8 + 8, fixture.Codec.Encode(new byte[8], []).Length);
        byte[] random = new byte[65535];
        new Random(5).NextBytes(random);
        byte[] two = fixture.Codec.Encode(new byte[8], random).ToArray();
        Assert.Equal((2 * 8) + 65543, two.Length);
        Assert.Equal([1, 4, 0, 1], two[..4]);
        Assert.Equal([1, 4 + 7, 0, 0], two[(8 + 65536)..(8 + 65536 + 4)]);
    }

    [Fact]
    public void PassesStoredBytesOnInTheBuffersTheyArrivedIn()
    {
        using SnappyFixture fixture = new();
        byte[] random = new byte[1000];
        new Random(6).NextBytes(random);
        byte[] stream = fixture.Codec.Encode([], random).ToArray();
        PacketSlice arrived = fixture.Slice(stream);
        ReadOnlyMemory<byte> memory = arrived.Memory;
        fixture.Codec.Input(arrived);
        Assert.True(fixture.Codec.TryRead(out PacketSlice slice));
        Assert.True(slice.Span.Overlaps(memory.Span));
        Assert.Equal(random, slice.Span);
        slice.Release();
    }

    [Fact]
    public void ReleasesNothingOfAStoredChunkBeforeItsChecksumIsVerified()
    {
        using SnappyFixture fixture = new();
        byte[] random = new byte[5000];
        new Random(7).NextBytes(random);
        byte[] stream = fixture.Codec.Encode([], random).ToArray();
        Assert.Empty(fixture.Decode(stream.AsSpan(0, stream.Length - 1)));
        stream[^1] ^= 1;
        Assert.Empty(fixture.Decode(stream.AsSpan(stream.Length - 1)));
        Assert.Contains("checksum", fixture.Codec.Failure, StringComparison.Ordinal);
        Assert.Equal(0, fixture.Codec.PendingBytes);
    }

    [Fact]
    public void StaysFailedAndKeepsNothing()
    {
        using SnappyFixture fixture = new();
        fixture.Decode("GET / HTTP/1.1"u8);
        string? reason = fixture.Codec.Failure;
        Assert.Contains("nocomp", reason, StringComparison.Ordinal);
        byte[] good = fixture.Codec.Encode("12345678"u8, []).ToArray();
        Assert.Empty(fixture.Decode(good));
        Assert.Same(reason, fixture.Codec.Failure);
        Assert.Equal(0, fixture.OutstandingArrived);
    }

    [Theory]
    [InlineData("ff0600007350615079")]
    [InlineData("ff060000734e61507058")]
    [InlineData("ff050000734e615070")]
    [InlineData("ff060000734e6150705900030000000000")]
    [InlineData("ff060000734e61507059010300000000")]
    [InlineData("ff060000734e6150705901050001")]
    [InlineData("ff060000734e61507059008a2b01")]
    [InlineData("ff060000734e615070597f000000")]
    [InlineData("ff060000734e6150705900080000000000000500")]
    public void RefusesBadChunksAsSoonAsItSeesThem(string hex)
    {
        using SnappyFixture fixture = new();
        Assert.Empty(fixture.Decode(Convert.FromHexString(hex + "00000000")));
        Assert.NotNull(fixture.Codec.Failure);
    }

    [Fact]
    public void SkipsLongPaddingWithoutKeepingIt()
    {
        using SnappyFixture fixture = new();
        byte[] hello = fixture.Codec.Encode("hello"u8, []).ToArray();
        Assert.Equal("hello"u8, fixture.Decode(hello));
        const int Length = 0x030201;
        fixture.Decode([0xFE, 0x01, 0x02, 0x03]);
        byte[] padding = new byte[1350];
        for (int left = Length; left > 0; left -= padding.Length)
        {
            fixture.Decode(padding.AsSpan(0, Math.Min(left, padding.Length)));
            Assert.Equal(0, fixture.OutstandingArrived);
        }

        Assert.Equal("hello"u8, fixture.Decode(hello.AsSpan(10)));
    }

    [Fact]
    public void DecodesAtMostOneChunkAheadOfItsReader()
    {
        // 65536 zeros compress to about 3 KB: five of them arrive, but only one is unpacked until someone reads.
        PacketPool arriving = new(65536);
        PacketPool decoded = new(track: true);
        using SnappyCodec codec = new(decoded);
        PacketBuffer buffer = arriving.Rent(0);
        for (int i = 0; i < 5; i++)
        {
            ReadOnlySpan<byte> chunk = codec.Encode(new byte[65536], []);
            chunk.CopyTo(buffer.Append(chunk.Length));
        }

        codec.Input(buffer.Slice());
        buffer.Release();
        Assert.Equal(0, decoded.Outstanding);
        int total = 0;
        while (codec.TryRead(out PacketSlice slice))
        {
            Assert.InRange(decoded.Outstanding, 1, 34);
            total += slice.Length;
            slice.Release();
        }

        Assert.Equal(5 * 65536, total);
        codec.Dispose();
        decoded.ThrowIfOutstanding();
    }

    [Fact]
    public void AByteInEachSegmentDoesNotCostABufferForEachByte()
    {
        using SnappyFixture fixture = new();
        byte[] random = new byte[600];
        new Random(8).NextBytes(random);
        byte[] stream = fixture.Codec.Encode([], random).ToArray();
        Assert.Empty(fixture.Decode(stream.AsSpan(0, stream.Length - 1), 1));
        Assert.Equal(0, fixture.OutstandingArrived);
        Assert.Equal(random, fixture.Decode(stream.AsSpan(stream.Length - 1)));
    }

    [Fact]
    public void SmallChunksShareBuffers()
    {
        PacketPool pool = new(track: true);
        using SnappyFixture fixture = new();
        using SnappyCodec codec = new(pool);
        List<PacketSlice> held = [];
        byte[] text = Encoding.ASCII.GetBytes(new string('x', 100));
        for (int i = 0; i < 100; i++)
        {
            codec.Input(fixture.Slice(codec.Encode(text, [])));
            while (codec.TryRead(out PacketSlice slice))
            {
                held.Add(slice);
            }
        }

        Assert.InRange(pool.Outstanding, 1, 8);
        Assert.All(held, static slice => Assert.Equal((byte)'x', slice.Span[0]));
        Assert.Equal(100 * 100, held.Sum(static slice => slice.Length));
        held.ForEach(static slice => slice.Release());
        codec.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void NothingThatAPeerSendsThrowsOrGrowsBeyondItsChunks()
    {
        Random random = new(9);
        PacketPool arriving = new();
        PacketPool decoded = new();
        List<byte[]> corpus = [];
        for (int i = 0; i < 40; i++)
        {
            using SnappyCodec encoder = new(decoded);
            List<byte> stream = [];
            for (int frame = random.Next(1, 5); frame > 0; frame--)
            {
                byte[] payload = SnappyBlockTests.Sample(random, random.Next(1, 300));
                stream.AddRange(encoder.Encode(SnappyBlockTests.Sample(random, 8), payload));
            }

            corpus.Add([.. stream]);
        }

        int failures = 0;
        for (int round = 0; round < 100_000; round++)
        {
            byte[] stream = (byte[])corpus[random.Next(corpus.Count)].Clone();
            for (int flips = random.Next(0, 4); flips > 0; flips--)
            {
                stream[random.Next(random.Next(2) == 0 ? stream.Length : Math.Min(20, stream.Length))] = (byte)random.Next(256);
            }

            using SnappyCodec codec = new(decoded);
            long produced = 0;
            for (int at = 0; at < stream.Length;)
            {
                int length = Math.Min(random.Next(1, 700), stream.Length - at);
                PacketBuffer buffer = arriving.Rent();
                stream.AsSpan(at, length).CopyTo(buffer.Append(length));
                codec.Input(buffer.Slice());
                buffer.Release();
                at += length;
                while (codec.TryRead(out PacketSlice slice))
                {
                    produced += slice.Length;
                    slice.Release();
                }
            }

            // A copy element of three bytes makes 64: nothing expands by more.
            Assert.True(produced <= 22L * stream.Length, $"round {round}: {produced} of {stream.Length}");
            failures += codec.Failure is null ? 0 : 1;
        }

        Assert.InRange(failures, 50_000, 95_000);
    }

    [Fact]
    public void AllocatesNothingInSteadyState()
    {
        PacketPool pool = new();
        using SnappyCodec codec = new(pool);
        byte[] payload = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 1200).Select(static i => $"line {i}")))[..8000];
        Exchange(200);
        Assert.Equal(0, Allocation.Least(passes: 5, () => Exchange(200)));

        void Exchange(int count)
        {
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> encoded = codec.Encode("12345678"u8, payload);
                for (; encoded.Length > 0; encoded = encoded[Math.Min(1300, encoded.Length)..])
                {
                    PacketBuffer buffer = pool.Rent();
                    encoded[..Math.Min(1300, encoded.Length)].CopyTo(buffer.Append(Math.Min(1300, encoded.Length)));
                    codec.Input(buffer.Slice());
                    buffer.Release();
                }

                while (codec.TryRead(out PacketSlice slice))
                {
                    slice.Release();
                }
            }
        }
    }
}
