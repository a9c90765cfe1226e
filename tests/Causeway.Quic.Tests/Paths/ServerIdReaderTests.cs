using System.Buffers.Binary;
using Causeway.Protocol;
using Causeway.Quic.Paths;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Paths;

/// <summary>Connection ids that name their server, as the server makes them and as a load balancer reads them.</summary>
public sealed class ServerIdReaderTests
{
    private const string Key = "8f95f09245765f80256934e50c66207f";

    /// <summary>
    /// Appendix B of draft-ietf-quic-load-balancers, all of which tell their length. The second one without a key is left out: its
    /// nonce is printed with nine digits, and its id begins with 20, which is not of its length. The last one is printed with
    /// configuration 3, but its id is of configuration 0.
    /// </summary>
    public static TheoryData<int, string, string, string, string> Vectors => new()
    {
        { 0, "", "c4605e", "4504cc4f", "07c4605e4504cc4f" },
        { 0, Key, "ed793a", "ee080dbf", "0720b1d07b359d3c" },
        { 1, Key, "ed793a51d49b8f5fab65", "ee080dbf48", "2fcc381bc74cb4fbad2823a3d1f8fed2" },
        { 2, Key, "ed793a51d49b8f5f", "ee080dbf48c0d1e5", "504dd2d05a7b0de9b2b9907afb5ecf8cc3" },
        { 0, Key, "ed793a51d49b8f5fab", "ee080dbf48c0d1e55d", "125779c9cc86beb3a3a4a3ca96fce4bfe0cdbc" },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    public void TheSamplesOfTheDraftAreMade(int configuration, string key, string serverId, string nonce, string id)
    {
        using RoutedIdFormat format = new(Routing(configuration, key, serverId, nonce.Length / 2));
        byte[] block = Convert.FromHexString(serverId + nonce);
        Assert.Equal(id, format.Make(block, randomBits: 0).ToString());
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void TheSamplesOfTheDraftAreRead(int configuration, string key, string serverId, string nonce, string id)
    {
        using ServerIdReader reader = new(Routing(configuration, key, serverId, nonce.Length / 2));
        byte[] connectionId = Convert.FromHexString(id);
        foreach (byte[] datagram in new[] { Short(connectionId), Long(connectionId) })
        {
            byte[] read = new byte[15];
            Assert.True(reader.TryRead(datagram, read, out int length));
            Assert.Equal(serverId, Convert.ToHexStringLower(read.AsSpan(0, length)));
        }

        // 4.1: the length that it tells must be its own, or long enough where its end is not known.
        connectionId[0] = (byte)((connectionId[0] & 0xe0) | 3);
        Assert.False(reader.TryRead(Short(connectionId), new byte[15], out _));
        Assert.False(reader.TryRead(Long(connectionId), new byte[15], out _));
    }

    [Fact]
    public void WhatCannotBeAServersIdIsNotRead()
    {
        ConnectionIdRouting routing = Routing(2, Key, "0102", nonceLength: 8) with { EncodesLength = false };
        using ServerIdReader reader = new(routing);
        byte[] read = new byte[15];
        byte[] good = new byte[11];
        good[0] = 2 << 5;
        Assert.True(reader.TryRead(Short(good), read, out int length));
        Assert.Equal(2, length);
        Assert.True(reader.TryRead(Long(good), read, out _));

        // Another configuration, none, one byte too few.
        good[0] = 3 << 5;
        Assert.False(reader.TryRead(Short(good), read, out length));
        Assert.Equal(0, length);
        good[0] = 7 << 5;
        Assert.False(reader.TryRead(Short(good), read, out _));
        good[0] = 2 << 5;
        Assert.False(reader.TryRead(Short(good.AsSpan(0, 10)).AsSpan(0, 11), read, out _));
        Assert.False(reader.TryRead(Long(good.AsSpan(0, 10)), read, out _));
        Assert.False(reader.TryRead([], read, out _));
        Assert.False(reader.TryRead([0x40], read, out _));
        Assert.False(reader.TryRead([0xc0, 0, 0, 0, 1, 0, 0], read, out _));
        Assert.Throws<ArgumentException>(() => reader.TryRead(Short(good), new byte[1], out _));
    }

    [Fact]
    public void NoBytesMakeTheReaderThrow()
    {
        using ServerIdReader reader = new(
            Routing(0, Key, "01", 4 + 2), Routing(1, Key, "0102", 14), Routing(5, "", "0102030405", 14) with { EncodesLength = false });
        Random random = new(5);
        byte[] read = new byte[15];
        int found = 0;
        for (int i = 0; i < 100_000; i++)
        {
            byte[] datagram = new byte[random.Next(60)];
            random.NextBytes(datagram);
            found += reader.TryRead(datagram, read, out _) ? 1 : 0;
        }

        Assert.InRange(found, 1_000, 50_000);
    }

    [Fact]
    public void ConfigurationsLiveBesideEachOther()
    {
        using RoutedIdFormat old = new(Routing(0, Key, "0a0b", 14));
        using RoutedIdFormat current = new(Routing(1, "00112233445566778899aabbccddeeff", "0c", 9));
        using ServerIdReader reader = new(
            Routing(1, "00112233445566778899aabbccddeeff", "00", 9), Routing(0, Key, "0000", 14));
        byte[] read = new byte[15];
        Assert.True(reader.TryRead(Short(old.Make(Convert.FromHexString("0a0b" + new string('7', 28)), 0).Span), read, out int length));
        Assert.Equal("0a0b", Convert.ToHexStringLower(read.AsSpan(0, length)));
        Assert.True(reader.TryRead(Short(current.Make(Convert.FromHexString("0c" + new string('7', 18)), 0).Span), read, out length));
        Assert.Equal("0c", Convert.ToHexStringLower(read.AsSpan(0, length)));
    }

    [Fact]
    public void MisuseIsNamed()
    {
        Assert.Throws<ArgumentException>(() => new ServerIdReader(Routing(1, Key, "01", 6), Routing(1, Key, "02", 6)));
        Assert.Throws<ArgumentException>(() => new ServerIdReader(Routing(1, "0011", "01", 6)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ServerIdReader());
        ServerIdReader reader = new(Routing(1, Key, "01", 6));
        reader.Dispose();
        Assert.Throws<ObjectDisposedException>(() => reader.TryRead(new byte[20], new byte[15], out _));
    }

    [Theory]
    [InlineData("ConfigurationId", -1, 2, 8, 16, false)]
    [InlineData("ConfigurationId", 7, 2, 8, 16, false)]
    [InlineData("ServerId", 0, 0, 8, 16, false)]
    [InlineData("ServerId", 0, 16, 4, 16, false)]
    [InlineData("NonceLength", 0, 2, 3, 16, false)]
    [InlineData("NonceLength", 0, 2, 4, 16, false)]
    [InlineData("NonceLength", 0, 2, 18, 16, false)]
    [InlineData("NonceLength", 0, 13, null, 16, false)]
    [InlineData("Key", 0, 2, 8, 0, false)]
    [InlineData("Key", 0, 2, 8, 15, false)]
    [InlineData("Key", 0, 2, 8, 32, false)]
    [InlineData("Key", 0, 2, 8, 16, true)]
    public void OptionsHaveRanges(string name, int configuration, int serverId, int? nonce, int key, bool isUnencrypted)
    {
        byte[] secret = new byte[key];
        Array.Fill(secret, (byte)1);
        ConnectionIdRouting routing = new()
        {
            ConfigurationId = configuration,
            ServerId = new byte[serverId],
            NonceLength = nonce,
            Key = secret,
            UnsafeUnencrypted = isUnencrypted,
        };
        ArgumentException error = Assert.ThrowsAny<ArgumentException>(routing.Validate);
        Assert.Equal(name, error.ParamName);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);

        // A profile does not wait for a connection to find it.
        using CausewayKey identity = CausewayKey.Create();
        QuicProfile profile = new() { ServerAuthentication = ServerAuthentication.WithKey(identity), ConnectionIds = routing };
        Assert.Equal(name, Assert.ThrowsAny<ArgumentException>(profile.Validate).ParamName);
    }

    [Fact]
    public void AKeyThatWasNotFilledIsRefused()
    {
        ConnectionIdRouting routing = new() { ServerId = new byte[2], Key = new byte[16] };
        Assert.Equal("Key", Assert.Throws<ArgumentException>(routing.Validate).ParamName);
    }

    [Fact]
    public void AClientsProfileHasNoUseForThem()
    {
        QuicProfile profile = new() { ClientAuthentication = ClientAuthentication.Shared("us", "secret"), ConnectionIds = Routing(0, Key, "01", 8) };
        Assert.Equal("ConnectionIds", Assert.Throws<ArgumentException>(profile.Validate).ParamName);
    }

    [Fact]
    public void TheDefaultIsOnePassOfAes()
    {
        ConnectionIdRouting routing = new() { ServerId = new byte[3], Key = Convert.FromHexString(Key) };
        routing.Validate();
        Assert.Equal(16, routing.BlockLength);
        Assert.Equal(17, routing.IdLength);
    }

    internal static ConnectionIdRouting Routing(int configuration, string key, string serverId, int nonceLength) => new()
    {
        ConfigurationId = configuration,
        ServerId = Convert.FromHexString(serverId),
        NonceLength = nonceLength,
        Key = Convert.FromHexString(key),
        UnsafeUnencrypted = key.Length == 0,
        EncodesLength = true,
    };

    private static byte[] Short(ReadOnlySpan<byte> id) => [0x40, .. id, .. new byte[30]];

    private static byte[] Long(ReadOnlySpan<byte> id)
    {
        byte[] version = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(version, 1);
        return [0xe0, .. version, (byte)id.Length, .. id, 0, .. new byte[30]];
    }
}
