using Causeway.Kcptun.Crypt;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.Crypt;

/// <summary>What an end sent is refused when it comes back, by every crypt whose nonces nobody can change.</summary>
public sealed class ReflectionTests
{
    private static readonly string[] s_without = ["xor", "none", "null"];
    private static readonly KcptunKey s_key = new("reflection");

    public static TheoryData<string> CryptsWithNonces =>
        [.. KcptunCrypt.All.Select(static crypt => crypt.Name).Except(s_without)];

    [Theory]
    [MemberData(nameof(CryptsWithNonces))]
    public void AnEndRefusesItsOwnAmongThePeers(string name)
    {
        using End end = new(name);
        using End peer = new(name);
        for (int size = 1; size <= 70; size++)
        {
            using PacketBatch own = new(Payloads(size, from: 0));
            using PacketBatch others = new(Payloads(size, from: 100));
            end.Sender.Protect(own.Buffers);
            peer.Sender.Protect(others.Buffers);

            // One of each in turn.
            PacketBuffer[] mixed = [.. own.Buffers.Zip(others.Buffers, static (a, b) => new[] { a, b }).SelectMany(static pair => pair)];
            int opened = end.Receiver.Unprotect(mixed);
            Assert.Equal(size, opened);
            Assert.Equal(Payloads(size, from: 100), mixed[..opened].Select(static datagram => datagram.Payload.ToArray()));
            Assert.All(mixed[..opened], static datagram => Assert.NotEqual(0UL, datagram.Fingerprint));
            Assert.Equal(size, mixed[..opened].Select(static datagram => datagram.Fingerprint).Distinct().Count());
        }

        Assert.Equal(70 * 71 / 2, end.Receiver.Reflected);
        Assert.Equal(0, end.Receiver.NotAuthentic);
    }

    [Theory]
    [MemberData(nameof(CryptsWithNonces))]
    public void NoChangeThatStillOpensMakesADatagramAnother(string name)
    {
        using End end = new(name);
        using End peer = new(name);
        byte[] payload = GoldenVectors.Pattern(64);
        byte[] wire = Protected(end, payload);
        ulong fingerprint = Open(peer.Receiver, wire)!.Value;
        for (int bit = 0; bit < wire.Length * 8; bit++)
        {
            byte[] changed = (byte[])wire.Clone();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Null(Open(end.Receiver, changed));
            if (Open(peer.Receiver, changed) is { } still)
            {
                Assert.True(fingerprint == still, $"bit {bit}");
            }
        }
    }

    [Theory]
    [InlineData("xor")]
    [InlineData("none")]
    [InlineData("null")]
    public void CryptsWithoutUnchangeableNoncesHaveNoFingerprints(string name)
    {
        using End end = new(name);
        Assert.Equal(0UL, Open(end.Receiver, Protected(end, GoldenVectors.Pattern(64))));
        Assert.Equal(0, end.Receiver.Reflected);
    }

    private static byte[][] Payloads(int count, int from) =>
        [.. Enumerable.Range(from, count).Select(static i => GoldenVectors.Pattern(20 + i))];

    private static byte[] Protected(End end, byte[] payload)
    {
        using PacketBatch batch = new(payload);
        end.Sender.Protect(batch.Buffers);
        return batch.Payloads[0];
    }

    private static ulong? Open(DatagramTransform receiver, byte[] wire)
    {
        using PacketBatch batch = new(wire);
        return receiver.Unprotect(batch.Buffers) == 1 ? batch.Buffers[0].Fingerprint : null;
    }

    private sealed class End : IDisposable
    {
        public End(string name)
        {
            KcptunCrypt crypt = KcptunCrypt.Resolve(name, out _);
            Sender = crypt.CreateTransform(s_key);
            Receiver = crypt.CreateTransform(s_key);
            Receiver.PairWith(Sender);
        }

        public DatagramTransform Sender { get; }

        public DatagramTransform Receiver { get; }

        public void Dispose()
        {
            Sender.Dispose();
            Receiver.Dispose();
        }
    }
}
