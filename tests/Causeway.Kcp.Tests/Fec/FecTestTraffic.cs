using System.Buffers.Binary;
using Causeway.Kcp.Fec;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Fec;

/// <summary>A sender with random datagrams, of which tests lose some on the way to a decoder.</summary>
internal sealed class FecTestTraffic : IDisposable
{
    // Not tracking, which would cost most of the time of the tests: the encoder's buffers are watched in its own tests.
    private static readonly PacketPool s_pool = new();

    private readonly FecEncoder _encoder;
    private readonly Random _random;
    private readonly int _minLength;
    private readonly int _maxLength;
    private Timestamp _now = Timestamp.FromMilliseconds(1);

    public FecTestTraffic(
        int dataShards, int parityShards, Random random, uint firstSequence = 0, int minLength = 8, int maxLength = 60)
    {
        _encoder = new FecEncoder(dataShards, parityShards, s_pool, firstSequence);
        _random = random;
        _minLength = minLength;
        _maxLength = maxLength;
    }

    public long PauseMilliseconds { get; set; } = 1;

    /// <summary>The next data datagram and, behind it, the parity of its group if it is the last.</summary>
    public List<byte[]> Next()
    {
        _now = _now.AddMicroseconds(PauseMilliseconds * 1000);
        PacketBuffer datagram = s_pool.Rent();
        _random.NextBytes(datagram.Append(_random.Next(_minLength, _maxLength + 1)));
        int parityCount = _encoder.Encode(datagram, _now);
        List<byte[]> packets = [datagram.Payload.ToArray()];
        datagram.Release();
        for (int i = 0; i < parityCount; i++)
        {
            PacketBuffer parity = _encoder.TakeParity(i);
            packets.Add(parity.Payload.ToArray());
            parity.Release();
        }

        return packets;
    }

    /// <summary>All datagrams of a group.</summary>
    public List<byte[]> NextGroup()
    {
        List<byte[]> packets = [];
        for (int i = 0; i < _encoder.DataShards; i++)
        {
            packets.AddRange(Next());
        }

        return packets;
    }

    public void Dispose() => _encoder.Dispose();

    public static uint SequenceOf(byte[] packet) => BinaryPrimitives.ReadUInt32LittleEndian(packet);

    public static bool IsParity(byte[] packet) => packet[4] == 0xF2;

    public static byte[] Packet(uint sequence, bool isParity, int bodyLength = 30)
    {
        byte[] packet = new byte[6 + bodyLength];
        BinaryPrimitives.WriteUInt32LittleEndian(packet, sequence);
        packet[4] = isParity ? (byte)0xF2 : (byte)0xF1;
        BinaryPrimitives.WriteUInt16LittleEndian(packet.AsSpan(6), (ushort)bodyLength);
        return packet;
    }

    /// <summary>What a decoder rebuilds on a datagram. Checks that it leaves the datagram alone.</summary>
    public static List<byte[]> Feed(FecDecoder decoder, PacketPool pool, byte[] packet)
    {
        PacketBuffer buffer = pool.Rent();
        packet.CopyTo(buffer.Append(packet.Length));
        decoder.Add(buffer);
        List<byte[]> recovered = [];
        while (decoder.TryTakeRecovered(out PacketBuffer? datagram))
        {
            recovered.Add(datagram.Payload.ToArray());
            datagram.Release();
        }

        Assert.True(buffer.Payload.SequenceEqual(packet), "the decoder changed a datagram");
        buffer.Release();
        return recovered;
    }
}
