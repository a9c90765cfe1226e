using System.Net;
using Causeway.Protocol;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Protection;

public sealed class AddressTokenTests
{
    private const long Now = 1_800_000_000;

    private static readonly PeerAddress s_peer = PeerAddress.FromEndPoint(IPEndPoint.Parse("192.0.2.1:4433"));
    private static readonly PeerAddress s_otherPort = PeerAddress.FromEndPoint(IPEndPoint.Parse("192.0.2.1:4434"));
    private static readonly PeerAddress s_otherHost = PeerAddress.FromEndPoint(IPEndPoint.Parse("[2001:db8::1]:4433"));
    private static readonly ConnectionId s_original = new([1, 2, 3, 4, 5, 6, 7, 8]);
    private static readonly ConnectionId s_retry = new([9, 9, 9]);

    private readonly SeededRandom _random = new(51);
    private readonly AddressTokenKeys _keys = new(Key(1));

    [Fact]
    public void RetryTokensAreForOneAttempt()
    {
        byte[] token = Retry();
        AddressToken read = Read(token, s_peer, s_retry, Now + 3);
        Assert.Equal(new AddressToken(AddressTokenStatus.Valid, AddressTokenKind.Retry, s_original), read);
        Assert.Equal(AddressTokenStatus.Foreign, Read(token, s_otherPort, s_retry, Now).Status);
        Assert.Equal(AddressTokenStatus.Foreign, Read(token, s_otherHost, s_retry, Now).Status);
        Assert.Equal(AddressTokenStatus.Foreign, Read(token, s_peer, s_original, Now).Status);
        Assert.Equal(
            AddressTokenStatus.Foreign, _keys.Read(token, QuicVersion.V2, s_peer, s_retry, Now).Status);
        Assert.Equal(AddressTokenKind.Retry, Read(token, s_otherPort, s_retry, Now).Kind);
    }

    [Fact]
    public void NewTokensAreForAnAddress()
    {
        byte[] token = New();
        Assert.Equal(
            new AddressToken(AddressTokenStatus.Valid, AddressTokenKind.NewToken, default),
            Read(token, s_otherPort, s_original, Now + 3600));
        Assert.Equal(AddressTokenStatus.Foreign, Read(token, s_otherHost, s_original, Now).Status);
        Assert.Equal(
            AddressTokenStatus.Foreign, _keys.Read(token, QuicVersion.V2, s_peer, s_original, Now).Status);
    }

    [Theory]
    [InlineData(-6, AddressTokenStatus.Expired, AddressTokenStatus.Expired)]
    [InlineData(-5, AddressTokenStatus.Valid, AddressTokenStatus.Valid)]
    [InlineData(30, AddressTokenStatus.Valid, AddressTokenStatus.Valid)]
    [InlineData(31, AddressTokenStatus.Expired, AddressTokenStatus.Valid)]
    [InlineData(7 * 24 * 3600, AddressTokenStatus.Expired, AddressTokenStatus.Valid)]
    [InlineData((7 * 24 * 3600) + 1, AddressTokenStatus.Expired, AddressTokenStatus.Expired)]
    internal void TokensGrowOld(long age, AddressTokenStatus retry, AddressTokenStatus newToken)
    {
        Assert.Equal(retry, Read(Retry(), s_peer, s_retry, Now + age).Status);
        Assert.Equal(newToken, Read(New(), s_peer, s_retry, Now + age).Status);
    }

    [Fact]
    public void TokensOutliveOneRotationOfKeys()
    {
        byte[] token = New();
        _keys.Rotate(Key(2));
        Assert.Equal(AddressTokenStatus.Valid, Read(token, s_peer, s_retry, Now).Status);
        byte[] second = New();
        _keys.Rotate(Key(3));
        Assert.Equal(AddressTokenStatus.Foreign, Read(token, s_peer, s_retry, Now).Status);
        Assert.Equal(AddressTokenStatus.Valid, Read(second, s_peer, s_retry, Now).Status);
        Assert.Equal(AddressTokenStatus.Valid, Read(New(), s_peer, s_retry, Now).Status);
    }

    [Fact]
    public void ServersThatShareKeysTakeEachOthersTokens()
    {
        using AddressTokenKeys ahead = new(Key(2), Key(1));
        Assert.Equal(
            AddressTokenStatus.Valid, ahead.Read(Retry(), QuicVersion.V1, s_peer, s_retry, Now).Status);
        using AddressTokenKeys stranger = new(Key(5));
        Assert.Equal(
            AddressTokenStatus.Foreign, stranger.Read(Retry(), QuicVersion.V1, s_peer, s_retry, Now).Status);
    }

    [Fact]
    public void ForgedTokensAreForeign()
    {
        byte[] token = Retry();
        for (int bit = 0; bit < token.Length * 8; bit++)
        {
            token[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(AddressTokenStatus.Foreign, Read(token, s_peer, s_retry, Now).Status);
            token[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        for (int length = 0; length < token.Length; length++)
        {
            Assert.Equal(AddressTokenStatus.Foreign, Read(token[..length], s_peer, s_retry, Now).Status);
            Assert.Equal(0, _keys.WriteNewToken(new byte[length], QuicVersion.V1, s_peer, Now, _random.Fill));
        }

        Assert.Equal(AddressTokenStatus.Foreign, Read([.. token, 0], s_peer, s_retry, Now).Status);
    }

    [Fact]
    public void NothingIsAllocatedForATokenAndARetry()
    {
        byte[] token = new byte[AddressTokenKeys.TokenLength];
        byte[] packet = new byte[200];
        RandomBytes random = _random.Fill;
        long allocated = long.MaxValue;
        for (int pass = 0; pass < 5; pass++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
            {
                _keys.WriteRetry(token, QuicVersion.V1, s_peer, s_original, s_retry, Now, random);
                int length = RetryPacket.Write(packet, QuicVersion.V1, default, s_retry, s_original, token, 0);
                if (!RetryPacket.IsIntact(packet.AsSpan(0, length), QuicVersion.V1, s_original)
                    || _keys.Read(token, QuicVersion.V1, s_peer, s_retry, Now).Status != AddressTokenStatus.Valid
                    || _keys.Read(token, QuicVersion.V1, s_otherHost, s_retry, Now).Status != AddressTokenStatus.Foreign)
                {
                    Assert.Fail("a token that does not open");
                }
            }

            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, allocated);
        Assert.False(_keys.NeedsRotation);
    }

    [Fact]
    public void TokensTellNothingAndAreNeverTheSame()
    {
        byte[] first = Retry();
        byte[] second = Retry();
        Assert.NotEqual(first[1..], second[1..]);
        Assert.DoesNotContain(
            Convert.ToHexString(s_original.Span), Convert.ToHexString(first), StringComparison.Ordinal);
    }

    [Fact]
    public void ResetTokensFollowFromKeyAndConnectionId()
    {
        using StatelessResetKey key = new(Key(1));
        using StatelessResetKey same = new(Key(1));
        using StatelessResetKey other = new(Key(2));
        Assert.Equal(key.TokenOf(s_original), same.TokenOf(s_original));
        Assert.NotEqual(key.TokenOf(s_original), other.TokenOf(s_original));
        Assert.NotEqual(key.TokenOf(s_original), key.TokenOf(s_retry));
        Assert.Equal(
            System.Security.Cryptography.HMACSHA256.HashData(Key(1), s_original.Span)[..16],
            key.TokenOf(s_original).Span.ToArray());
    }

    private static byte[] Key(byte fill) => [.. Enumerable.Repeat(fill, AddressTokenKeys.KeyLength)];

    private byte[] Retry()
    {
        byte[] token = new byte[AddressTokenKeys.TokenLength];
        Assert.Equal(
            token.Length, _keys.WriteRetry(token, QuicVersion.V1, s_peer, s_original, s_retry, Now, _random.Fill));
        return token;
    }

    private byte[] New()
    {
        byte[] token = new byte[AddressTokenKeys.TokenLength];
        Assert.Equal(token.Length, _keys.WriteNewToken(token, QuicVersion.V1, s_peer, Now, _random.Fill));
        return token;
    }

    private AddressToken Read(byte[] token, PeerAddress peer, ConnectionId destinationId, long unixTime) =>
        _keys.Read(token, QuicVersion.V1, peer, destinationId, unixTime);
}
