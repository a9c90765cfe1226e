using System.Net;
using System.Net.Sockets;
using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Tests.Links;

internal static class LinkTesting
{
    /// <summary>Only guards against a test that hangs: no outcome depends on it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static PacketBuffer Datagram(this PacketPool pool, ReadOnlySpan<byte> payload, PeerAddress peer = default)
    {
        PacketBuffer buffer = pool.Rent();
        payload.CopyTo(buffer.Append(payload.Length));
        buffer.Peer = peer;
        return buffer;
    }

    /// <summary>Random bytes that begin with the index.</summary>
    public static byte[] Payload(Random random, int size, int index = 0)
    {
        byte[] payload = new byte[size];
        random.NextBytes(payload);
        if (size >= 4)
        {
            BitConverter.TryWriteBytes(payload, index);
        }

        return payload;
    }

    public static PeerAddress Address(this IDatagramLink link) =>
        PeerAddress.FromEndPoint((IPEndPoint)link.LocalEndPoint);

    /// <summary>Sends payloads in one batch and releases the buffers.</summary>
    public static async Task SendAsync(
        this IDatagramLink link, PacketPool pool, IEnumerable<byte[]> payloads, PeerAddress peer = default)
    {
        PacketBuffer[] batch = [.. payloads.Select(payload => pool.Datagram(payload, peer))];
        await link.SendAsync(batch).AsTask().WaitAsync(Patience);
        Release(batch);
    }

    /// <summary>Receives a number of datagrams; the caller releases them.</summary>
    public static async Task<PacketBuffer[]> ReceiveExactlyAsync(this IDatagramLink link, int count, int batch = 64)
    {
        List<PacketBuffer> received = [];
        PacketBuffer[] buffers = new PacketBuffer[batch];
        while (received.Count < count)
        {
            int n = await link.ReceiveAsync(buffers).AsTask().WaitAsync(Patience);
            Assert.InRange(n, 0, buffers.Length);
            received.AddRange(buffers.Take(n));
        }

        Assert.Equal(count, received.Count);
        return [.. received];
    }

    /// <summary>Compares whole payloads: element by element would take most of a test's time.</summary>
    public static void AssertPayloads(IReadOnlyList<byte[]> expected, IReadOnlyList<PacketBuffer> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            Assert.True(
                actual[i].Payload.SequenceEqual(expected[i]),
                $"Datagram {i} of {expected.Count}: {actual[i].Length} bytes, {expected[i].Length} were sent.");
        }
    }

    public static void Release(IEnumerable<PacketBuffer> buffers)
    {
        foreach (PacketBuffer buffer in buffers)
        {
            buffer.Release();
        }
    }

    public static bool HasIPv6()
    {
        try
        {
            using Socket socket = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
