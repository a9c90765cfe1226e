using Causeway.Kcptun.Crypt;
using Causeway.Protocol;
using Causeway.Protocol.Tests.Crypto;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.Crypt;

/// <summary>What holds for every crypt, whatever it does to the bytes.</summary>
public sealed class TransformTests
{
    private const int Seed = 4711;
    private const int MinPayload = 12;
    private const int MaxPayload = 1472;

    private static readonly KcptunKey s_key = new("a key of the tests");

    public static TheoryData<string> Crypts => [.. KcptunCrypt.All.Select(static crypt => crypt.Name)];

    public static TheoryData<string> GcmPathNames =>
        [.. GcmPaths.Names.Where(static path => !GcmPaths.IsEmulated(path))];

    [Theory]
    [MemberData(nameof(Crypts))]
    public void UnprotectUndoesProtectForEveryLength(string name)
    {
        using DatagramTransform sender = KcptunCrypt.Create(name, s_key);
        using DatagramTransform receiver = KcptunCrypt.Create(name, s_key);
        PacketPool pool = new(track: true);
        PacketBuffer[] batch = new PacketBuffer[20];
        pool.Rent(batch);
        for (int first = MinPayload; first <= MaxPayload; first += batch.Length)
        {
            int count = Math.Min(batch.Length, MaxPayload + 1 - first);
            Span<PacketBuffer> part = batch.AsSpan(0, count);
            for (int i = 0; i < count; i++)
            {
                part[i].Reset(PacketPool.DefaultHeadroom);
                GoldenVectors.Pattern(first + i).CopyTo(part[i].Append(first + i));
            }

            sender.Protect(part);
            Assert.Equal(count, receiver.Unprotect(part));
            for (int i = 0; i < count; i++)
            {
                Assert.True(part[i].Payload.SequenceEqual(GoldenVectors.Pattern(first + i)), $"{first + i} bytes");
            }
        }

        Release(batch);
        pool.ThrowIfOutstanding();
    }

    [Theory]
    [MemberData(nameof(Crypts))]
    public void ABatchIsWhatItsDatagramsAreOneByOne(string name)
    {
        KcptunCrypt crypt = KcptunCrypt.Resolve(name, out _);
        Random random = new(Seed);
        for (int count = 1; count <= 20; count++)
        {
            byte[][] payloads = new byte[count][];
            foreach (ref byte[] payload in payloads.AsSpan())
            {
                payload = GoldenVectors.Pattern(random.Next(MinPayload, MaxPayload + 1));
            }

            using DatagramTransform together = crypt.CreateTransform(s_key, new SeededNonces(count));
            using DatagramTransform apart = crypt.CreateTransform(s_key, new SeededNonces(count));
            using PacketBatch one = new(track: false, payloads);
            using PacketBatch other = new(track: false, payloads);
            together.Protect(one.Buffers);
            foreach (ref readonly PacketBuffer datagram in other.Buffers.AsSpan())
            {
                apart.Protect(new ReadOnlySpan<PacketBuffer>(in datagram));
            }

            AssertSameBytes(other.Payloads, one.Buffers, count);
            Assert.Equal(count, together.Unprotect(one.Buffers));
            AssertSameBytes(payloads, one.Buffers, count);
            foreach (ref PacketBuffer datagram in other.Buffers.AsSpan())
            {
                Assert.Equal(1, apart.Unprotect(new Span<PacketBuffer>(ref datagram)));
            }

            AssertSameBytes(payloads, other.Buffers, count);
        }
    }

    [Theory]
    [MemberData(nameof(Crypts))]
    public void ReceivedViewsHaveNoHeadroomAndAnyAlignment(string name)
    {
        KcptunCrypt crypt = KcptunCrypt.Resolve(name, out _);
        using DatagramTransform transform = crypt.CreateTransform(s_key);
        PacketPool blocks = new(65536, track: true);
        PacketPool views = new(track: true);
        using PacketBatch sent = new(Enumerable.Range(0, 17).Select(static i => GoldenVectors.Pattern(301 + (3 * i))));
        byte[][] payloads = sent.Payloads;
        transform.Protect(sent.Buffers);

        // Datagrams lie end to end as UDP_GRO leaves them: a byte written outside one would show in its neighbour.
        PacketBuffer block = blocks.Rent(headroom: 1);
        PacketBuffer[] received = new PacketBuffer[payloads.Length];
        foreach (PacketBuffer datagram in sent.Buffers)
        {
            datagram.Payload.CopyTo(block.Append(datagram.Length));
        }

        int offset = 0;
        for (int i = 0; i < received.Length; i++)
        {
            received[i] = views.RentView(block, offset, sent.Buffers[i].Length);
            offset += received[i].Length;
        }

        block.Release();
        Assert.Equal(received.Length, transform.Unprotect(received));
        AssertSameBytes(payloads, received, Seed);
        Release(received);
        views.ThrowIfOutstanding();
        blocks.ThrowIfOutstanding();
    }

    [Theory]
    [MemberData(nameof(Crypts))]
    public void RefusedDatagramsGoBehindTheOthersAndAreCounted(string name)
    {
        KcptunCrypt crypt = KcptunCrypt.Resolve(name, out _);
        using DatagramTransform transform = crypt.CreateTransform(s_key);
        byte[][] good = [GoldenVectors.Pattern(12), GoldenVectors.Pattern(900), GoldenVectors.Pattern(57)];
        byte[] shortest = GoldenVectors.Pattern(11);
        byte[] broken = GoldenVectors.Pattern(100);
        using PacketBatch batch = new(broken, good[0], shortest, good[1], [], good[2], broken);
        PacketBuffer[] before = [.. batch.Buffers];
        PacketBuffer empty = batch.Buffers[4];
        transform.Protect(batch.Buffers);
        before[0].Payload[^1] ^= 0x80;
        before[6].Payload[^1] ^= 1;
        empty.Truncate(Math.Max(0, crypt.Overhead - 1));

        int opened = transform.Unprotect(batch.Buffers);
        bool checks = name != "null";
        Assert.Equal(checks ? 3 : 5, opened);
        int[] kept = checks ? [1, 3, 5] : [0, 1, 3, 5, 6];
        Assert.Equal(kept.Select(i => before[i]), batch.Buffers[..opened]);
        Assert.Equal(before.ToHashSet(), batch.Buffers.ToHashSet());
        Assert.Equal(2, transform.TooShort);
        Assert.Equal(checks ? 2 : 0, transform.NotAuthentic);
        Assert.Equal(good, checks ? batch.Payloads[..3] : [.. batch.Payloads[1..4]]);
    }

    [Theory]
    [MemberData(nameof(GcmPathNames))]
    public void AFloodOfForgeriesDoesNotKeepGcmFromOpeningWhatIsGenuine(string path)
    {
        using AesGcmTransform transform = new(GcmPaths.Create(path, s_key.Derived[..16]), new RandomNonceSource());
        byte[] payload = GoldenVectors.Pattern(1290);
        int genuine = 0;
        for (int i = 0; i < 2000; i++)
        {
            using PacketBatch batch = new(track: false, payload);
            transform.Protect(batch.Buffers);
            bool forged = i is > 10 and < 40 || i % 400 == 0;
            batch.Buffers[0].Payload[i % batch.Buffers[0].Length] ^= forged ? (byte)4 : (byte)0;
            Assert.Equal(forged ? 0 : 1, transform.Unprotect(batch.Buffers));
            if (!forged)
            {
                genuine++;
                Assert.True(batch.Buffers[0].Payload.SequenceEqual(payload));
            }
        }

        Assert.Equal(2000 - genuine, transform.NotAuthentic);
    }

    [Theory]
    [MemberData(nameof(Crypts))]
    public void NothingIsAllocatedForADatagram(string name)
    {
        using DatagramTransform sender = KcptunCrypt.Create(name, s_key);
        using DatagramTransform receiver = KcptunCrypt.Create(name, s_key);
        using PacketBatch batch = new(Enumerable.Range(0, 20).Select(static i => GoldenVectors.Pattern(200 + (7 * i))));
        int turns = 0;
        int opened = 0;

        // Some turns fetch nonces.
        long allocated = Allocation.Least(passes: 12, () =>
        {
            turns++;
            sender.Protect(batch.Buffers);
            opened += receiver.Unprotect(batch.Buffers);
        });
        Assert.Equal(turns * batch.Buffers.Length, opened);

        // BouncyCastle's CAST5 makes an array of 32 bytes for every block of 8; it is the only one.
        long blocks = batch.Buffers.Sum(static datagram => (datagram.Length + ChecksummedTransform.Overhead + 7) / 8);
        Assert.InRange(allocated, 0, name == "cast5" ? 2 * 32 * blocks : 0);
    }

    [Theory]
    [MemberData(nameof(Crypts))]
    public void NoncesDifferBetweenDatagramsAndTransforms(string name)
    {
        KcptunCrypt crypt = KcptunCrypt.Resolve(name, out _);
        HashSet<string> wires = [];
        for (int turn = 0; turn < 2; turn++)
        {
            using DatagramTransform transform = crypt.CreateTransform(s_key);
            using PacketBatch batch = new(track: false, Enumerable.Repeat(GoldenVectors.Pattern(40), 600));
            transform.Protect(batch.Buffers);
            wires.UnionWith(batch.Payloads.Select(Convert.ToHexString));
        }

        Assert.Equal(name == "null" ? 1 : 1200, wires.Count);
    }

    [Theory]
    [MemberData(nameof(Crypts))]
    public void ADisposedTransformRefusesToProtect(string name)
    {
        DatagramTransform transform = KcptunCrypt.Create(name, s_key);
        transform.Dispose();
        transform.Dispose();
        if (name != "null")
        {
            using PacketBatch batch = new(GoldenVectors.Pattern(100));
            Assert.Throws<ObjectDisposedException>(() => transform.Protect(batch.Buffers));
            Assert.Throws<ObjectDisposedException>(() => transform.Unprotect(batch.Buffers));
            Assert.Equal(GoldenVectors.Pattern(100), batch.Buffers[0].Payload);
        }
    }

    [Fact]
    public void XorNeitherMakesNorTakesMoreThanItsTable()
    {
        using DatagramTransform transform = KcptunCrypt.Create("xor", s_key);
        using PacketBatch batch = new(GoldenVectors.Pattern(1480));
        transform.Protect(batch.Buffers);
        Assert.Equal(1, transform.Unprotect(batch.Buffers));
        using PacketBatch tooLong = new(GoldenVectors.Pattern(1501));
        Assert.Equal(0, transform.Unprotect(tooLong.Buffers));
        Assert.Equal(1, transform.NotAuthentic);
        Assert.Throws<ArgumentException>(() => transform.Protect(tooLong.Buffers));
    }

    private static void AssertSameBytes(byte[][] expected, PacketBuffer[] actual, int seed)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            bool same = actual[i].Payload.SequenceEqual(expected[i]);
            Assert.True(same, $"datagram {i} of {expected.Length}, seed {seed}");
        }
    }

    private static void Release(PacketBuffer[] buffers)
    {
        foreach (PacketBuffer buffer in buffers)
        {
            buffer.Release();
        }
    }
}
