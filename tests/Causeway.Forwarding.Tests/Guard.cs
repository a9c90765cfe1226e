using System.Net;
using System.Net.Sockets;

namespace Causeway.Forwarding.Tests;

internal static class Guard
{
    /// <summary>Only keeps a broken test from hanging: no test's outcome depends on it.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    public static Task<T> Guarded<T>(this Task<T> task) => task.WaitAsync(s_limit);

    public static Task Guarded(this Task task) => task.WaitAsync(s_limit);

    public static Task<T> Guarded<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(s_limit);

    public static Task Guarded(this ValueTask task) => task.AsTask().WaitAsync(s_limit);
}

/// <summary>What tests do with sockets.</summary>
internal static class Sockets
{
    public static Socket Listen()
    {
        Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(256);
        return listener;
    }

    public static async Task<Socket> ConnectAsync(EndPoint address)
    {
        Socket socket = new(address.AddressFamily, SocketType.Stream, address.AddressFamily == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        EndPoint reachable = address is IPEndPoint ip && ip.Address.Equals(IPAddress.IPv6Any) ? new IPEndPoint(IPAddress.IPv6Loopback, ip.Port) : address;
        await socket.ConnectAsync(reachable).Guarded();
        return socket;
    }

    /// <summary>Two connected sockets.</summary>
    public static async Task<(Socket Near, Socket Far)> PairAsync()
    {
        using Socket listener = Listen();
        Task<Socket> accepting = listener.AcceptAsync();
        Socket near = await ConnectAsync(listener.LocalEndPoint!);
        return (near, await accepting.Guarded());
    }

    public static async Task SendAllAsync(this Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None).Guarded()..];
        }
    }

    /// <summary>Reads until the other end says that there is no more.</summary>
    public static async Task<byte[]> ReceiveAllAsync(this Socket socket)
    {
        using MemoryStream received = new();
        byte[] buffer = new byte[65536];
        while (await socket.ReceiveAsync(buffer, SocketFlags.None).Guarded() is > 0 and int count)
        {
            received.Write(buffer, 0, count);
        }

        return received.ToArray();
    }

    public static async Task<byte[]> ReceiveExactlyAsync(this Socket socket, int length)
    {
        byte[] bytes = new byte[length];
        for (int at = 0; at < length;)
        {
            int count = await socket.ReceiveAsync(bytes.AsMemory(at), SocketFlags.None).Guarded();
            Assert.NotEqual(0, count);
            at += count;
        }

        return bytes;
    }

    public static void CloseWithReset(this Socket socket)
    {
        socket.LingerState = new LingerOption(true, 0);
        socket.Dispose();
    }

    /// <summary>Reads on until the connection breaks, and says how.</summary>
    public static async Task<SocketError?> ReceiveErrorAsync(this Socket socket)
    {
        try
        {
            await socket.ReceiveAllAsync();
            return null;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode;
        }
    }
}

internal static class Bytes
{
    public static byte[] Random(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
