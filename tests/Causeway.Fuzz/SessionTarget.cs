using Causeway.Kcp;
using Causeway.Kcp.Fec;
using Causeway.Protocol;

namespace Causeway.Fuzz;

/// <summary>
/// A new session of a server with forward error correction that gets a series of datagrams, without a crypt to stop them:
/// each is a length of two bytes and so many bytes, and takes a millisecond.
/// </summary>
internal static class SessionTarget
{
    private const uint Conversation = 7;

    private static readonly KcpProfile s_profile = new() { Fec = new FecOptions { DataShards = 3, ParityShards = 2 } };

    /// <summary>What a client sends that opens a stream and writes into it.</summary>
    public static IReadOnlyList<byte[]> Seeds()
    {
        using KcpSession client = NewSession(EndpointRole.Client);
        PacketBatch batch = new(64);
        Timestamp now = default;
        client.Streams.TryOpen(now);
        List<byte> seed = [];
        for (int turn = 0; turn < 50; turn++)
        {
            now = now.AddMicroseconds(10_000);
            client.Deliver(now);
            client.Flush(batch, default, now);
            foreach (PacketBuffer datagram in batch.Memory.Span)
            {
                seed.AddRange(BitConverter.GetBytes((ushort)datagram.Length));
                seed.AddRange(datagram.Payload);
            }

            batch.ReleaseAll();
        }

        return [[.. seed]];
    }

    public static void Run(byte[] input)
    {
        using KcpSession session = NewSession(EndpointRole.Server);
        PacketBatch batch = new(64);
        Timestamp now = default;
        ReadOnlySpan<byte> left = input;
        while (left.Length > 2 && session.Failure is null)
        {
            int length = Math.Min(Math.Min((int)BitConverter.ToUInt16(left), 1500), left.Length - 2);
            PacketBuffer datagram = PacketPool.Shared.Rent();
            left.Slice(2, length).CopyTo(datagram.Append(length));
            left = left[(2 + length)..];
            now = now.AddMicroseconds(1000);
            session.Input(datagram, now);
            datagram.Release();
            session.Deliver(now);
            session.Flush(batch, default, now);
            batch.ReleaseAll();
        }
    }

    private static KcpSession NewSession(EndpointRole role) =>
        new(Conversation, role, s_profile, maxDatagramSize: 1350, linkHeadroom: 0, linkTailroom: 0, PacketPool.Shared, default);
}
