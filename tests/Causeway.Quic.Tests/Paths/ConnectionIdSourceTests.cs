using Causeway.Protocol;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Paths;

/// <summary>Where an endpoint's connection ids come from: random or naming their server, with and without the socket's index.</summary>
public sealed class ConnectionIdSourceTests
{
    private const string Key = "8f95f09245765f80256934e50c66207f";

    public static TheoryData<string, int> Routings => new()
    {
        { "random", 0 },
        { Key, 14 },
        { Key, 6 },
        { Key, 5 },
        { Key, 17 },
        { "", 5 },
        { "", 12 },
    };

    [Theory]
    [MemberData(nameof(Routings))]
    public void WhoHasTheKeyReadsTheSocketAndNobodyElse(string key, int nonce)
    {
        const int Shards = 4;
        SharedPort port = new(Shards, Settings(1));
        SharedPort other = new(Shards, Settings(2));
        using ConnectionIdSource reader = ConnectionIdSource.Create(Settings(3, key, nonce) with { Port = port, Shard = 0 });
        using ConnectionIdSource stranger = ConnectionIdSource.Create(Settings(4, key, nonce) with { Port = other, Shard = 0 });
        for (int shard = 0; shard < Shards; shard++)
        {
            using ConnectionIdSource maker = ConnectionIdSource.Create(Settings(5, key, nonce) with { Port = port, Shard = shard });
            int[] seen = new int[256];
            for (int i = 0; i < 20_000; i++)
            {
                ConnectionId id = maker.Next();
                Assert.Equal(shard, reader.ShardOf(id.Span));
                Assert.Equal(ConnectionIdSource.NoShard, reader.ShardOf(id.Span[1..]));
                seen[stranger.ShardOf(id.Span)]++;
            }

            // Chi-square with 255 degrees of freedom: 340 has a probability of 0.0003, and seeds are fixed.
            double chi = seen.Sum(static count => (count - (20_000 / 256.0)) * (count - (20_000 / 256.0)) / (20_000 / 256.0));
            Assert.True(chi < 340, $"shard {shard}: the mark is not uniform to others, chi-square {chi:F0}");
        }
    }

    [Theory]
    [MemberData(nameof(Routings))]
    public void BytesOnTheWireLookRandom(string key, int nonce)
    {
        SharedPort port = new(2, Settings(1));
        using ConnectionIdSource maker = ConnectionIdSource.Create(Settings(5, key, nonce) with { Port = port, Shard = 1 });
        int length = maker.Next().Length;

        // Without a key the server id is there for all to read.
        bool isHidden = key.Length > 0;
        int first = key == "random" ? 0 : isHidden ? 1 : 3;
        for (int at = first; at < length; at++)
        {
            int[] seen = new int[256];
            for (int i = 0; i < 10_000; i++)
            {
                seen[maker.Next().Span[at]]++;
            }

            double chi = seen.Sum(static count => (count - (10_000 / 256.0)) * (count - (10_000 / 256.0)) / (10_000 / 256.0));
            Assert.True(chi < 350, $"byte {at}: chi-square {chi:F0}");
        }
    }

    [Theory]
    [MemberData(nameof(Routings))]
    public void NoTwoIdsAreTheSame(string key, int nonce)
    {
        SharedPort port = new(3, Settings(1));
        HashSet<ConnectionId> all = [];
        for (int shard = 0; shard < 3; shard++)
        {
            // All three with the same random bytes: only their index tells them apart.
            using ConnectionIdSource maker = ConnectionIdSource.Create(Settings(5, key, nonce) with { Port = port, Shard = shard });
            for (int i = 0; i < 20_000; i++)
            {
                // The first octet is random, and does not count.
                ConnectionId id = maker.Next();
                Assert.True(all.Add(key == "random" ? id : new ConnectionId(id.Span[1..])), $"shard {shard}, id {i}: {id} came twice");
            }
        }
    }

    [Fact]
    public void ALoadBalancerReadsTheServerWhateverTheSocket()
    {
        SharedPort port = new(2, Settings(1));
        QuicSettings settings = Settings(5, Key, 14) with { Port = port, Shard = 1 };
        using ConnectionIdSource maker = ConnectionIdSource.Create(settings);
        using ServerIdReader reader = new(settings.Routing!);
        byte[] server = new byte[15];
        for (int i = 0; i < 1000; i++)
        {
            byte[] datagram = [0x40, .. maker.Next().Span, .. new byte[25]];
            Assert.True(reader.TryRead(datagram, server, out int length));
            Assert.Equal("0102", Convert.ToHexStringLower(server.AsSpan(0, length)));
        }
    }

    [Fact]
    public void ANonceIsUsedOnce()
    {
        using NonceSequence nonces = new(2, new Random(1).NextBytes);
        bool[] used = new bool[1 << 16];
        Span<byte> nonce = stackalloc byte[2];
        for (int i = 0; i < used.Length; i++)
        {
            Assert.True(nonces.TryWrite(nonce));
            ref bool isUsed = ref used[(nonce[0] << 8) | nonce[1]];
            if (isUsed)
            {
                Assert.Fail($"nonce {i} came twice: {Convert.ToHexString(nonce)}");
            }

            isUsed = true;
        }

        Assert.False(nonces.HasNext);
        Assert.False(nonces.TryWrite(nonce));
    }

    [Fact]
    public void WhenNoncesAreUsedUpIdsNameNoServer()
    {
        SharedPort port = new(2, Settings(1));
        QuicSettings settings = Settings(5, Key, 4, "010203") with { Port = port, Shard = 1 };
        NonceSequence nonces = new(3, settings.Random, most: 10);
        using RoutedIdSource maker = new(settings.Routing!, nonces, new ShardMark(port.MarkKey), shard: 1, settings.Random);
        using ServerIdReader reader = new(settings.Routing!);
        for (int i = 0; i < 10; i++)
        {
            Assert.True(maker.MakesSpareIds);
            Assert.True(reader.TryRead([0x40, .. maker.Next().Span, .. new byte[25]], new byte[15], out _));
        }

        Assert.False(maker.MakesSpareIds);
        ConnectionId id = maker.Next();

        // 3.2: seven, and the length.
        Assert.Equal(0xe7, id.Span[0]);
        Assert.Equal(8, id.Length);
        Assert.Equal(1, maker.ShardOf(id.Span));
        Assert.False(reader.TryRead([0x40, .. id.Span, .. new byte[25]], new byte[15], out _));
    }

    [Fact]
    public void NoncesBeginElsewhereEachTime()
    {
        using NonceSequence one = new(8, new Random(1).NextBytes);
        using NonceSequence other = new(8, new Random(2).NextBytes);
        byte[] first = new byte[8];
        byte[] second = new byte[8];
        one.TryWrite(first);
        other.TryWrite(second);
        Assert.NotEqual(first, second);
    }

    [Theory]
    [MemberData(nameof(Routings))]
    public void ReadingTheSocketAllocatesNothing(string key, int nonce)
    {
        SharedPort port = new(2, Settings(1));
        using ConnectionIdSource maker = ConnectionIdSource.Create(Settings(5, key, nonce) with { Port = port, Shard = 1 });
        ConnectionId id = maker.Next();
        int read = 0;
        Assert.Equal(0, Allocation.Least(5, () =>
        {
            for (int i = 0; i < 1000; i++)
            {
                read += maker.ShardOf(id.Span);
            }
        }));
        Assert.True(read >= 1000);
    }

    [Fact]
    public void ASocketOfItsOwnHasPlainRandomIds()
    {
        Random same = new(9);
        byte[] expected = new byte[8];
        same.NextBytes(expected);
        using ConnectionIdSource maker = ConnectionIdSource.Create(Settings(9));
        Assert.Equal(expected, maker.Next().Span.ToArray());
        Assert.Equal(ConnectionIdSource.NoShard, maker.ShardOf(expected));
    }

    private static QuicSettings Settings(int seed, string key = "random", int nonce = 0, string serverId = "0102") => new()
    {
        Handshake = static _ => throw new InvalidOperationException("no handshake here"),
        Random = new Random(seed).NextBytes,
        Link = new SessionLink(1350, 0, 0, PacketPool.Shared),
        Routing = key == "random" ? null : ServerIdReaderTests.Routing(1, key, serverId, nonce) with { EncodesLength = false },
    };
}
