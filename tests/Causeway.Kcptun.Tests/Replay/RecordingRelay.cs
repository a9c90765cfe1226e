using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Causeway.Kcptun.Tests.Replay;

/// <summary>
/// Stands between a client and a server as an attacker who has no key does: passes datagrams on, keeps those of the client,
/// and can send everything twice or back to its sender as well.
/// </summary>
internal sealed class RecordingRelay : IDisposable
{
    private readonly EndPoint _server;
    private readonly Socket _front = NewSocket();
    private readonly Socket _back = NewSocket();
    private readonly Task _toServer;
    private readonly Task _toClient;
    private volatile EndPoint? _client;

    public RecordingRelay(EndPoint server)
    {
        _server = server;
        _toServer = RunAsync(_front, ToServerAsync);
        _toClient = RunAsync(_back, ToClientAsync);
    }

    public EndPoint EndPoint => _front.LocalEndPoint!;

    /// <summary>Each datagram goes back to its sender too.</summary>
    public bool Reflects { get; init; }

    /// <summary>Each datagram arrives twice.</summary>
    public bool Duplicates { get; init; }

    /// <summary>What the client sent, in order.</summary>
    public ConcurrentQueue<byte[]> Recorded { get; } = new();

    public static Socket NewSocket()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    public void Dispose()
    {
        _front.Dispose();
        _back.Dispose();
        Task.WaitAll(_toServer, _toClient);
    }

    private static async Task RunAsync(Socket socket, Func<byte[], EndPoint, Task> pass)
    {
        await Task.Yield();
        byte[] buffer = new byte[2048];
        try
        {
            while (true)
            {
                SocketReceiveFromResult got = await socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                await pass(buffer[..got.ReceivedBytes], got.RemoteEndPoint);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Disposed, which is how it ends.
        }
    }

    private async Task ToServerAsync(byte[] datagram, EndPoint from)
    {
        _client = from;
        Recorded.Enqueue(datagram);
        if (Reflects)
        {
            await _front.SendToAsync(datagram, from);
        }

        for (int i = 0; i < (Duplicates ? 2 : 1); i++)
        {
            await _back.SendToAsync(datagram, _server);
        }
    }

    private async Task ToClientAsync(byte[] datagram, EndPoint from)
    {
        if (Reflects)
        {
            await _back.SendToAsync(datagram, from);
        }

        for (int i = 0; i < (Duplicates ? 2 : 1); i++)
        {
            await _front.SendToAsync(datagram, _client!);
        }
    }
}
