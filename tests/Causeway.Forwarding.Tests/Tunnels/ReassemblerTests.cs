using System.Buffers;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tests.Tunnels;

public sealed class ReassemblerTests
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(1190, 1195, 1)]
    [InlineData(1191, 1195, 2)]
    [InlineData(9000, 1195, 8)]
    [InlineData(65507, 1200, 56)]
    [InlineData(65508, 1200, 0)]
    [InlineData(65507, 1034, 0)]
    [InlineData(10, 11, 0)]
    [InlineData(0, 5, 1)]
    public void PiecesAreAsManyAsNeeded(int length, int datagram, int pieces) =>
        Assert.Equal(pieces, TunnelDatagram.CountPieces(length, datagram));

    [Theory]
    [InlineData(10, 14)]
    [InlineData(9000, 1195)]
    [InlineData(65507, 1040)]
    [InlineData(1191, 1195)]
    public void PiecesInAnyOrderAndTwiceMakeTheWhole(int length, int datagram)
    {
        byte[] payload = Bytes.Random(length, seed: length);
        Random random = new(7);
        for (int run = 0; run < 20; run++)
        {
            Reassembler reassembler = new(1 << 20, s_timeout);
            byte[][] pieces = Cut(payload, datagram, packet: 9);
            byte[][] order = [.. pieces, .. pieces];
            random.Shuffle(order);
            int at = 0;
            byte[]? whole = null;
            while (whole is null)
            {
                whole = Add(reassembler, order[at++], TimeSpan.Zero);
            }

            Assert.True(payload.AsSpan().SequenceEqual(whole.AsSpan(0, length)));
            Assert.Equal(0, reassembler.Count);
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    [Fact]
    public void AMissingPieceHoldsUpNothingAndIsGivenUpInTime()
    {
        Reassembler reassembler = new(1 << 20, s_timeout);
        byte[][] torn = Cut(Bytes.Random(3000, seed: 1), 1195, packet: 1);
        Assert.Null(Add(reassembler, torn[0], TimeSpan.Zero));
        Assert.Null(Add(reassembler, torn[2], TimeSpan.Zero));

        byte[][] other = Cut(Bytes.Random(2000, seed: 2), 1195, packet: 2);
        Assert.Null(Add(reassembler, other[0], TimeSpan.FromSeconds(0.5)));
        Assert.NotNull(Add(reassembler, other[1], TimeSpan.FromSeconds(0.5)));
        Assert.Equal((1, 0), (reassembler.Count, reassembler.Incomplete));

        reassembler.Expire(TimeSpan.FromSeconds(0.999));
        Assert.Equal(1, reassembler.Count);
        reassembler.Expire(TimeSpan.FromSeconds(1));
        Assert.Equal((0, 1), (reassembler.Count, reassembler.Incomplete));

        // The piece that comes too late begins anew, and completes nothing.
        Assert.Null(Add(reassembler, torn[1], TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void MemoryIsBounded()
    {
        Reassembler reassembler = new(200_000, s_timeout);
        for (int packet = 0; packet < 5000; packet++)
        {
            Assert.Null(Add(reassembler, Cut(new byte[60_000], 1195, (ushort)packet)[0], TimeSpan.Zero));
        }

        Assert.Equal((3, 4997), (reassembler.Count, reassembler.Incomplete));
    }

    [Fact]
    public void SmallOnesAreNotFree()
    {
        Reassembler reassembler = new(65536, s_timeout);
        for (int packet = 0; packet < 65536; packet++)
        {
            Assert.Null(Add(reassembler, Cut(new byte[8], 12, (ushort)packet)[0], TimeSpan.Zero));
        }

        Assert.True(reassembler.Count <= 260);
    }

    [Fact]
    public void PiecesThatContradictEachOtherAreDropped()
    {
        Reassembler reassembler = new(1 << 20, s_timeout);
        Assert.Null(Add(reassembler, Cut(new byte[3000], 1195, packet: 1)[0], TimeSpan.Zero));
        Assert.True(TunnelDatagram.TryParse(Cut(new byte[2000], 1195, packet: 1)[1], out TunnelDatagram header));
        Assert.False(reassembler.TryAdd(header, new byte[1000], TimeSpan.Zero, out byte[]? whole));
        Assert.Null(whole);
        Assert.Equal(0, reassembler.Count);
    }

    [Fact]
    public void FlowsAreKeptApart()
    {
        Reassembler reassembler = new(1 << 20, s_timeout);
        Assert.Null(Add(reassembler, Cut(new byte[2000], 1195, packet: 1, flow: 4)[0], TimeSpan.Zero));
        Assert.Null(Add(reassembler, Cut(new byte[2000], 1195, packet: 1, flow: 8)[1], TimeSpan.Zero));
        Assert.Equal(2, reassembler.Count);
    }

    [Theory]
    [InlineData("00000004")] // no form
    [InlineData("0000000402")] // another form
    [InlineData("0000000401000100")] // half a header
    [InlineData("00000004010001000100020000")] // one piece
    [InlineData("0000000401000100410041" + "00")] // 65 pieces
    [InlineData("00000004010001020200020000")] // the third of two
    [InlineData("0000000401000100020002")] // no bytes
    [InlineData("0000000401000100020002" + "0000")] // a byte too many
    [InlineData("0000000401000101020001" + "00")] // the last has nothing
    [InlineData("000000040100010002FFFF" + "00")] // longer than any
    public void WhatIsNotWellFormedIsRefused(string bytes) =>
        Assert.False(TunnelDatagram.TryParse(Convert.FromHexString(bytes), out _));

    [Fact]
    public void NoBytesMakeItThrow()
    {
        Random random = new(43);
        Reassembler reassembler = new(1 << 20, s_timeout);
        byte[][] pieces = [.. Cut(Bytes.Random(9000, seed: 1), 1195, 1), .. Cut(Bytes.Random(100, seed: 2), 20, 2)];
        long now = 0;
        int whole = 0;
        for (int run = 0; run < 100_000; run++)
        {
            byte[] bytes = [.. pieces[random.Next(pieces.Length)]];
            if (random.Next(4) == 0)
            {
                bytes[random.Next(TunnelDatagram.PieceHeaderLength)] = (byte)random.Next(256);
            }

            if (TunnelDatagram.TryParse(bytes, out TunnelDatagram header) && header.Count > 1)
            {
                now += random.Next(1000);
                reassembler.TryAdd(header, bytes.AsSpan(header.HeaderLength), TimeSpan.FromMicroseconds(now), out byte[]? buffer);
                if (buffer is not null)
                {
                    whole++;
                    ArrayPool<byte>.Shared.Return(buffer);
                }
            }
        }

        Assert.NotEqual(0, whole);
    }

    private static byte[]? Add(Reassembler reassembler, byte[] piece, TimeSpan now)
    {
        Assert.True(TunnelDatagram.TryParse(piece, out TunnelDatagram header));
        Assert.True(reassembler.TryAdd(header, piece.AsSpan(header.HeaderLength), now, out byte[]? whole));
        return whole;
    }

    private static byte[][] Cut(byte[] payload, int datagram, ushort packet, uint flow = 4)
    {
        int count = TunnelDatagram.CountPieces(payload.Length, datagram);
        int each = TunnelDatagram.PieceLengthOf(payload.Length, count);
        return
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                byte[] bytes = payload[(i * each)..Math.Min((i + 1) * each, payload.Length)];
                byte[] piece = new byte[TunnelDatagram.PieceHeaderLength + bytes.Length];
                TunnelDatagram.WritePiece(piece, flow, packet, i, count, payload.Length);
                bytes.CopyTo(piece, TunnelDatagram.PieceHeaderLength);
                return piece;
            }),
        ];
    }
}
