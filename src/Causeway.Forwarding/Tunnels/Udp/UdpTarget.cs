using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels.Udp;

/// <summary>The far end of a flow: a socket of its own towards the target.</summary>
internal sealed class UdpTarget : Flow, IDatagramSink
{
    // Datagrams in a row before the buffer is given back and the thread let go.
    private const int Burst = 16;

    private readonly Socket _socket;
    private readonly CausewayStream _stream;
    private readonly DatagramMux _mux;
    private readonly FlowTable _table;
    private readonly TunnelCounters _counters;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private UdpTarget(Socket socket, CausewayStream stream, DatagramMux mux, FlowTable table, TunnelCounters counters)
    {
        _socket = socket;
        _stream = stream;
        _mux = mux;
        _table = table;
        _counters = counters;
    }

    /// <summary>
    /// Opens a socket towards the first of several targets that there is a way to; names are looked up. UDP does not say whether
    /// somebody listens, so IPv4 goes first: what listens on one family only listens there, as a rule.
    /// </summary>
    /// <returns>The socket; or null, and why there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask<(Socket? Socket, TunnelRefusal Reason, string Problem)> ConnectAsync(
        IReadOnlyList<ForwardEndPoint> targets, CancellationToken cancellationToken)
    {
        (Socket? Socket, TunnelRefusal Reason, string Problem) result = (null, TunnelRefusal.Unsupported, "a Unix socket takes no datagrams");
        try
        {
            List<IPEndPoint> addresses = [];
            foreach (ForwardEndPoint target in targets)
            {
                if (target.EndPoint is DnsEndPoint dns)
                {
                    IPAddress[] found = await TargetDialer.ResolveAsync(dns.Host, cancellationToken).ConfigureAwait(false);
                    addresses.AddRange(found.Select(address => new IPEndPoint(address, dns.Port)));
                }
                else if (target.EndPoint is IPEndPoint ip)
                {
                    addresses.Add(IsAny(ip.Address) ? new IPEndPoint(IPAddress.Loopback, ip.Port) : ip);
                }
            }

            foreach (IPEndPoint address in addresses.OrderBy(static address => address.AddressFamily == AddressFamily.InterNetwork ? 0 : 1))
            {
                result = Connect(address);
                if (result.Socket is not null)
                {
                    break;
                }
            }
        }
        catch (SocketException error)
        {
            result = (null, TargetDialer.ReasonOf(error), error.Message);
        }

        return result;
    }

    /// <summary>Runs a flow until its stream ends, it was quiet too long, or it is cut off. The socket and the stream are closed afterwards.</summary>
    /// <param name="socket">A connected socket.</param>
    /// <param name="stream">The flow's stream, whose request was read and not answered yet.</param>
    /// <param name="mux">Carries its datagrams.</param>
    /// <param name="table">Has to take it.</param>
    /// <param name="counters">Counts.</param>
    /// <param name="cut">Cuts it off.</param>
    /// <returns>False if the table has no room; the stream is then still to be answered.</returns>
    public static async Task<bool> TryRunAsync(
        Socket socket, CausewayStream stream, DatagramMux mux, FlowTable table, TunnelCounters counters, CancellationToken cut)
    {
        using (socket)
        {
            UdpTarget flow = new(socket, stream, mux, table, counters);
            if (!table.TryAdd(flow))
            {
                return false;
            }

            uint id = (uint)stream.Id;
            try
            {
                await stream.WriteAsync(TunnelFrame.Grant().ToBytes(), cut).ConfigureAwait(false);
                counters.CountGranted();
                mux.Register(id, flow);
                Task receiving = flow.ReceiveAsync(id);
                using (cut.UnsafeRegister(static state => ((UdpTarget)state!)._ended.TrySetResult(), flow))
                {
                    await Task.WhenAny(flow._ended.Task, FlowStream.EndedAsync(stream, cut)).ConfigureAwait(false);
                }

                socket.Dispose();
                await receiving.ConfigureAwait(false);
            }
            finally
            {
                mux.Unregister(id);
                table.Remove(flow);
                TunnelStream.Finish(stream);
            }

            return true;
        }
    }

    /// <inheritdoc/>
    public void Deliver(ReadOnlySpan<byte> payload)
    {
        _table.Touch(this);
        try
        {
            _socket.Send(payload, SocketFlags.None, out SocketError error);

            // A refusal is that of an earlier datagram; the system tells it instead of sending this one.
            if (error == SocketError.ConnectionRefused)
            {
                _socket.Send(payload, SocketFlags.None, out error);
            }

            if (error != SocketError.Success)
            {
                _counters.CountDropped();
            }
        }
        catch (ObjectDisposedException)
        {
            _counters.CountDropped();
        }
    }

    /// <inheritdoc/>
    public override void End() => _ended.TrySetResult();

    private static (Socket? Socket, TunnelRefusal Reason, string Problem) Connect(IPEndPoint address)
    {
        Socket? socket = null;
        try
        {
            socket = UdpSockets.Open(address.AddressFamily);
            socket.Connect(address);
            return (socket, default, "");
        }
        catch (SocketException error)
        {
            socket?.Dispose();
            return (null, TargetDialer.ReasonOf(error), error.Message);
        }
    }

    // An unconnected "all addresses" is the local host to the operating system, but not to every one.
    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private async Task ReceiveAsync(uint id)
    {
        while (true)
        {
            try
            {
                // Only waits: an idle flow holds no buffer.
                await _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.Peek).ConfigureAwait(false);
            }
            catch (SocketException error) when (error.SocketErrorCode is not SocketError.OperationAborted)
            {
                // A port that nobody listens on says so, and may listen later; Windows says that more came than the buffer takes.
            }
            catch (Exception error) when (error is ObjectDisposedException or SocketException)
            {
                return;
            }

            if (!PassBurst(id))
            {
                return;
            }
        }
    }

    private bool PassBurst(uint id)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(DatagramMux.Headroom + TunnelDatagram.MaxPayloadLength);
        try
        {
            for (int i = 0; i < Burst; i++)
            {
                int length = _socket.Receive(
                    buffer.AsSpan(DatagramMux.Headroom, TunnelDatagram.MaxPayloadLength), SocketFlags.None, out SocketError error);
                if (error != SocketError.Success)
                {
                    break;
                }

                _table.Touch(this);
                _mux.Send(id, buffer.AsMemory(0, DatagramMux.Headroom + length));
            }

            return true;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
