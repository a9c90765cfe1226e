using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels.Udp;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels.Dynamic;

/// <summary>
/// The UDP port of one user of SOCKS 5 (RFC 1928, 7): each datagram names its target, and each target has a flow. Datagrams from another
/// host than the user's are dropped, and so are those in fragments, as the RFC allows.
/// </summary>
internal sealed class SocksAssociation : IAsyncDisposable
{
    // Reserved (16), fragment (8); the address follows.
    private const int FixedHeaderLength = 3;

    private readonly DynamicContext _context;
    private readonly IPAddress _user;
    private readonly Socket _socket;
    private readonly FlowTable _table;
    private readonly ConcurrentDictionary<string, TargetFlow> _flows = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationToken _stopped;
    private readonly Task _receiving;
    private volatile EndPoint? _source;

    /// <summary>Opens the port.</summary>
    /// <param name="context">What the servers of the port share.</param>
    /// <param name="local">The address that the user connected to.</param>
    /// <param name="user">The address that it connected from.</param>
    /// <exception cref="SocketException">There is no port.</exception>
    public SocksAssociation(DynamicContext context, IPAddress local, IPAddress user)
    {
        _context = context;
        _user = user;
        _socket = UdpSockets.Bind(new IPEndPoint(local, 0));
        LocalEndPoint = (IPEndPoint)_socket.LocalEndPoint!;
        _table = new FlowTable(context.Options.Datagrams, context.Options.TimeProvider, context.Counters);
        _stopped = _stopping.Token;
        _receiving = Task.Run(ReceiveAsync);
    }

    public IPEndPoint LocalEndPoint { get; }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _receiving.ConfigureAwait(false);
        _table.Dispose();
        _stopping.Dispose();
    }

    private async Task ReceiveAsync()
    {
        byte[] buffer = new byte[DatagramMux.Headroom + ushort.MaxValue];
        EndPoint any = new IPEndPoint(_socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (!_stopped.IsCancellationRequested)
        {
            try
            {
                SocketReceiveFromResult got = await _socket.ReceiveFromAsync(
                    buffer.AsMemory(DatagramMux.Headroom), SocketFlags.None, any, _stopped).ConfigureAwait(false);
                if (!((IPEndPoint)got.RemoteEndPoint).Address.Equals(_user)
                    || !TryTake(got.RemoteEndPoint, buffer.AsMemory(DatagramMux.Headroom, got.ReceivedBytes)))
                {
                    _context.Counters.CountDropped();
                }
            }
            catch (SocketException) when (!_stopped.IsCancellationRequested)
            {
                _context.Counters.CountDropped();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                return;
            }
        }
    }

    private bool TryTake(EndPoint source, Memory<byte> datagram)
    {
        ReadOnlySpan<byte> bytes = datagram.Span;
        int length = bytes.Length > FixedHeaderLength && bytes[2] == 0 ? SocksAddress.Measure(bytes[FixedHeaderLength..]) : 0;
        if (length == 0 || SocksAddress.Read(bytes.Slice(FixedHeaderLength, length)) is not { } target)
        {
            return false;
        }

        // Answers go where the user last sent from.
        _source = source;
        string key = Convert.ToHexString(bytes.Slice(FixedHeaderLength, length));
        if (!_flows.TryGetValue(key, out TargetFlow? flow))
        {
            flow = new TargetFlow(this, key, target, [0, 0, 0, .. bytes.Slice(FixedHeaderLength, length)]);
            if (!_table.TryAdd(flow))
            {
                return false;
            }

            _flows[key] = flow;
            IPEndPoint? origin = source as IPEndPoint;
            flow.Start(token => _context.OpenFlow(target, origin, token), _stopped);
        }

        // The header that the user wrote is longer than ours: there is room before the payload.
        flow.Send(datagram[(FixedHeaderLength + length - DatagramMux.Headroom)..]);
        return true;
    }

    /// <summary>What goes to one target, and the answers.</summary>
    private sealed class TargetFlow(SocksAssociation port, string key, EndPoint target, byte[] header)
        : UdpPortFlow(
            port._table, $"{port._user} to {TunnelStream.Text(target)}/udp", port._context.Options.TimeProvider, port._context.Counters, port._context.Options.Logger)
    {
        protected override void Answer(ReadOnlySpan<byte> payload)
        {
            if (port._source is not { } source)
            {
                return;
            }

            byte[] datagram = ArrayPool<byte>.Shared.Rent(header.Length + payload.Length);
            try
            {
                header.CopyTo(datagram, 0);
                payload.CopyTo(datagram.AsSpan(header.Length));
                port._socket.SendTo(datagram.AsSpan(0, header.Length + payload.Length), SocketFlags.None, source);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // Also one that is too long with its header.
                port._context.Counters.CountDropped();
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(datagram);
            }
        }

        protected override void Unlist() => port._flows.TryRemove(KeyValuePair.Create(key, this));
    }
}
