using System.Net;
using System.Net.Sockets;

namespace Causeway.Interop.Tests.Quic;

/// <summary>
/// A NAT between one client and its server, which gives the client another port in the middle, or another address, or does so when
/// the client itself takes another port. What the server
/// sends to the old one still arrives: else a client that only receives would have no reason to send, and never be found again.
/// </summary>
internal sealed class UdpRelay : IAsyncDisposable
{
    private static readonly IPAddress s_otherAddress = IPAddress.Parse("127.0.0.2");

    private readonly Socket _front = NewSocket(IPAddress.Loopback);
    private readonly CancellationTokenSource _stop = new();
    private readonly IPEndPoint _server;
    private readonly int _rebindAfter;
    private readonly Rebinding _kind;
    private readonly List<Socket> _sockets = [];
    private readonly List<Task> _loops = [];
    private volatile Socket _back;
    private volatile IPEndPoint? _client;
    private volatile bool _hasRebound;
    private int _fromServer;

    /// <summary>What becomes of the client's address.</summary>
    public enum Rebinding
    {
        /// <summary>The port becomes another one.</summary>
        ToOtherPort,

        /// <summary>The address becomes another one too.</summary>
        ToOtherAddress,

        /// <summary>
        /// The port becomes another one when the client's does. Until then the rest of the server's datagrams arrive slowly, so that
        /// the transfer is not over before.
        /// </summary>
        WithClient,
    }

    /// <param name="server">The server behind it.</param>
    /// <param name="rebindAfter">After how many of the server's datagrams it does so.</param>
    /// <param name="kind">To what, and when.</param>
    public UdpRelay(IPEndPoint server, int rebindAfter, Rebinding kind)
    {
        _server = server;
        _rebindAfter = rebindAfter;
        _kind = kind;
        _back = NewSocket(IPAddress.Loopback);
        _sockets.AddRange([_front, _back]);
        _loops.AddRange([FromClientAsync(), FromServerAsync(_back)]);
    }

    /// <summary>Where the client finds the server.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_front.LocalEndPoint!;

    /// <summary>Whether it has done so.</summary>
    public bool HasRebound => _hasRebound;

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
                IPEndPoint client = (IPEndPoint)result.RemoteEndPoint;
                bool isOther = _client is { } known && !known.Equals(client);
                _client = client;
                if (isOther && _kind == Rebinding.WithClient)
                {
                    Rebind();
                }

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
                bool isSlow = _kind == Rebinding.WithClient && !_hasRebound && Volatile.Read(ref _fromServer) >= _rebindAfter;
                if (isSlow)
                {
                    await Task.Delay(20, _stop.Token);
                }

                if (_client is { } client)
                {
                    await _front.SendToAsync(buffer.AsMemory(0, length), client, _stop.Token);
                }

                if (Interlocked.Increment(ref _fromServer) == _rebindAfter && _kind != Rebinding.WithClient)
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

            Socket made = NewSocket(_kind == Rebinding.ToOtherAddress ? s_otherAddress : IPAddress.Loopback);
            _sockets.Add(made);
            _back = made;
            _hasRebound = true;
            _loops.Add(FromServerAsync(made));
        }
    }
}
