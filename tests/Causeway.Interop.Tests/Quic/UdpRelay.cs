using System.Net;
using System.Net.Sockets;

namespace Causeway.Interop.Tests.Quic;

/// <summary>
/// A NAT between one client and its server, which gives the client another port in the middle, or another address. What the server
/// sends to the old one still arrives: else a client that only receives would have no reason to send, and never be found again.
/// </summary>
internal sealed class UdpRelay : IAsyncDisposable
{
    private static readonly IPAddress s_otherAddress = IPAddress.Parse("127.0.0.2");

    private readonly Socket _front = NewSocket(IPAddress.Loopback);
    private readonly CancellationTokenSource _stop = new();
    private readonly IPEndPoint _server;
    private readonly int _rebindAfter;
    private readonly bool _changesAddress;
    private readonly List<Socket> _sockets = [];
    private readonly List<Task> _loops = [];
    private volatile Socket _back;
    private volatile IPEndPoint? _client;
    private int _fromServer;

    /// <param name="server">The server behind it.</param>
    /// <param name="rebindAfter">After how many of the server's datagrams it does so.</param>
    /// <param name="changesAddress">Whether the address becomes another one too.</param>
    public UdpRelay(IPEndPoint server, int rebindAfter, bool changesAddress)
    {
        _server = server;
        _rebindAfter = rebindAfter;
        _changesAddress = changesAddress;
        _back = NewSocket(IPAddress.Loopback);
        _sockets.AddRange([_front, _back]);
        _loops.AddRange([FromClientAsync(), FromServerAsync(_back)]);
    }

    /// <summary>Where the client finds the server.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_front.LocalEndPoint!;

    /// <summary>Whether it has done so.</summary>
    public bool HasRebound => Volatile.Read(ref _fromServer) >= _rebindAfter;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task[] loops;
        lock (_sockets)
        {
            _sockets.ForEach(static socket => socket.Dispose());
            loops = [.. _loops];
        }

        await Task.WhenAll(loops);
        _stop.Dispose();
    }

    private static Socket NewSocket(IPAddress address)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 << 20 };
        socket.Bind(new IPEndPoint(address, 0));
        return socket;
    }

    private async Task FromClientAsync()
    {
        byte[] buffer = new byte[65536];
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                SocketReceiveFromResult result = await _front.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                _client = (IPEndPoint)result.RemoteEndPoint;
                await _back.SendToAsync(buffer.AsMemory(0, result.ReceivedBytes), _server, _stop.Token);
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // Somebody ended, or the datagram is lost, as in a network.
            }
        }
    }

    private async Task FromServerAsync(Socket back)
    {
        byte[] buffer = new byte[65536];
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                int length = await back.ReceiveAsync(buffer, _stop.Token);
                if (_client is { } client)
                {
                    await _front.SendToAsync(buffer.AsMemory(0, length), client, _stop.Token);
                }

                if (Interlocked.Increment(ref _fromServer) == _rebindAfter)
                {
                    Rebind();
                }
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // As above.
            }
        }
    }

    private void Rebind()
    {
        lock (_sockets)
        {
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            Socket made = NewSocket(_changesAddress ? s_otherAddress : IPAddress.Loopback);
            _sockets.Add(made);
            _back = made;
            _loops.Add(FromServerAsync(made));
        }
    }
}
