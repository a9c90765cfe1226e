using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels.Wire;
using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding.Tunnels.Udp;

/// <summary>
/// A UDP port whose datagrams go through tunnels, at whichever end: each address that sends to it has a flow of its own.
/// </summary>
internal sealed class UdpPort : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly FlowOpener _open;
    private readonly TunnelCounters _counters;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<SocketAddress, SourceFlow> _flows = new();
    private readonly FlowTable _table;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationToken _stopped;
    private readonly Task _receiving;

    /// <summary>Begins to listen.</summary>
    /// <param name="address">Where.</param>
    /// <param name="open">Opens a flow.</param>
    /// <param name="options">How many, and how long they last.</param>
    /// <param name="time">The clock.</param>
    /// <param name="counters">Counts.</param>
    /// <param name="logger">Takes log lines.</param>
    /// <exception cref="SocketException">The address is in use or not available.</exception>
    public UdpPort(
        IPEndPoint address, FlowOpener open, TunnelDatagramOptions options, TimeProvider time, TunnelCounters counters, ILogger logger)
    {
        _socket = UdpSockets.Bind(address);
        _open = open;
        _counters = counters;
        _time = time;
        _logger = logger;
        _table = new FlowTable(options, time, counters);
        _stopped = _stopping.Token;
        LocalEndPoint = UdpSockets.Plain((IPEndPoint)_socket.LocalEndPoint!);
        _receiving = Task.Run(ReceiveAsync);
    }

    /// <summary>Opens a flow: a stream whose request is written, and what carries its datagrams.</summary>
    /// <param name="origin">Who sent the first datagram.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal delegate ValueTask<(CausewayStream Stream, DatagramMux Mux)> FlowOpener(IPEndPoint origin, CancellationToken cancellationToken);

    /// <summary>Where it listens, with the port that the system chose if it was 0.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>Begins to listen, on the address that a name has if it is one.</summary>
    /// <exception cref="TransportException">The address is in use or not available.</exception>
    public static UdpPort Listen(
        ForwardEndPoint listen, FlowOpener open, TunnelDatagramOptions options, TimeProvider time, TunnelCounters counters, ILogger logger)
    {
        try
        {
            return new UdpPort(listen.ToIPEndPoint(), open, options, time, counters, logger);
        }
        catch (SocketException error)
        {
            throw new TransportException(TransportError.AddressUnavailable, $"Cannot listen on {listen}/udp: {error.Message}", error);
        }
    }

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
        byte[] buffer = new byte[DatagramMux.Headroom + TunnelDatagram.MaxPayloadLength];
        SocketAddress from = new(_socket.AddressFamily);
        while (!_stopped.IsCancellationRequested)
        {
            try
            {
                int length = await _socket.ReceiveFromAsync(
                    buffer.AsMemory(DatagramMux.Headroom), SocketFlags.None, from, _stopped).ConfigureAwait(false);
                Take(from, buffer.AsMemory(0, DatagramMux.Headroom + length));
            }
            catch (SocketException) when (!_stopped.IsCancellationRequested)
            {
                // What an earlier datagram met, or one that is longer than any can be.
                _counters.CountDropped();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                return;
            }
        }
    }

    private void Take(SocketAddress from, Memory<byte> datagram)
    {
        if (!_flows.TryGetValue(from, out SourceFlow? flow))
        {
            // The address is the socket's, which writes the next one into it.
            SocketAddress own = new(from.Family, from.Size);
            from.Buffer.Span[..from.Size].CopyTo(own.Buffer.Span);
            IPEndPoint origin = OriginOf(own);
            flow = new SourceFlow(this, own, origin);
            if (!_table.TryAdd(flow))
            {
                _counters.CountDropped();
                return;
            }

            _flows[own] = flow;
            flow.Start(token => _open(origin, token), _stopped);
        }

        flow.Send(datagram);
    }

    private IPEndPoint OriginOf(SocketAddress address)
    {
        IPEndPoint kind = _socket.AddressFamily == AddressFamily.InterNetwork ? new(IPAddress.Any, 0) : new(IPAddress.IPv6Any, 0);
        return UdpSockets.Plain((IPEndPoint)kind.Create(address));
    }

    /// <summary>What comes from one address, and the answers.</summary>
    private sealed class SourceFlow(UdpPort port, SocketAddress from, IPEndPoint origin)
        : UdpPortFlow(port._table, $"{origin} at {port.LocalEndPoint}/udp", port._time, port._counters, port._logger)
    {
        protected override void Answer(ReadOnlySpan<byte> payload)
        {
            try
            {
                port._socket.SendTo(payload, SocketFlags.None, from);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                port._counters.CountDropped();
            }
        }

        protected override void Unlist() => port._flows.TryRemove(KeyValuePair.Create(from, this));
    }
}
