using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels.Udp;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels;

/// <summary>The ports that a server listens on for one client; each lasts as long as the stream that asked for it. Thread-safe.</summary>
internal sealed class ReverseListeners(TunnelEnd end, ForwardServerOptions options, ForwardPlaces places)
{
    private int _count;

    private TunnelPolicy Policy => options.Tunnels;

    /// <summary>Listens where a request asks for, until its stream ends.</summary>
    /// <exception cref="TransportException">The stream or the connection failed.</exception>
    /// <exception cref="OperationCanceledException">It was cut off.</exception>
    public async Task ListenAsync(CausewayStream stream, TunnelFrame request, ForwardTable.Forward forward)
    {
        TunnelKind kind = (TunnelKind)request.Code;
        string what = TunnelStream.Describe(kind, request.Address);
        ProtocolType protocol = kind == TunnelKind.ListenDatagrams ? ProtocolType.Udp : ProtocolType.Tcp;
        if (request.Address is null or DnsEndPoint || (protocol == ProtocolType.Udp && request.Address is UnixDomainSocketEndPoint))
        {
            await end.RefuseAsync(stream, what, TunnelRefusal.Unsupported, "a port is listened on by its address").ConfigureAwait(false);
        }
        else if (!Policy.AllowsListening(protocol, request.Address))
        {
            await end.RefuseAsync(stream, what, TunnelRefusal.NotAllowed, "no rule of this server allows it").ConfigureAwait(false);
        }
        else if (protocol == ProtocolType.Udp && !end.Datagrams.CanCarry(stream))
        {
            await end.RefuseAsync(stream, what, TunnelRefusal.Unsupported, "the connection carries no datagrams").ConfigureAwait(false);
        }
        else if (Interlocked.Increment(ref _count) > Policy.MaxListeners)
        {
            Interlocked.Decrement(ref _count);
            await end.RefuseAsync(stream, what, TunnelRefusal.LimitReached, "as many ports are open for this client as may be").ConfigureAwait(false);
        }
        else
        {
            try
            {
                await RunAsync(stream, protocol, ForwardEndPoint.From(request.Address), what, forward).ConfigureAwait(false);
            }
            finally
            {
                Interlocked.Decrement(ref _count);
            }
        }
    }

    private async Task RunAsync(CausewayStream stream, ProtocolType protocol, ForwardEndPoint address, string what, ForwardTable.Forward forward)
    {
        IAsyncDisposable port;
        EndPoint bound;
        try
        {
            (port, bound) = Open(stream, protocol, address);
        }
        catch (TransportException error)
        {
            await end.RefuseAsync(stream, what, TunnelRefusal.AddressUnavailable, error.Message).ConfigureAwait(false);
            return;
        }

        await using (port.ConfigureAwait(false))
        {
            if (!forward.LiftLimit())
            {
                stream.Abort();
                return;
            }

            await stream.WriteAsync(TunnelFrame.Grant(bound).ToBytes(), forward.CutToken).ConfigureAwait(false);
            end.Counters.CountGranted();
            TunnelLog.Listening(options.Logger, bound, end.Connection.RemoteEndPoint);
            await FlowStream.EndedAsync(stream, forward.CutToken).ConfigureAwait(false);
            TunnelStream.Finish(stream);
        }

        TunnelLog.ListeningEnded(options.Logger, bound, end.Connection.RemoteEndPoint);
    }

    private (IAsyncDisposable Port, EndPoint Bound) Open(CausewayStream listener, ProtocolType protocol, ForwardEndPoint address)
    {
        if (protocol == ProtocolType.Udp)
        {
            UdpPort udp = UdpPort.Listen(
                address,
                async (origin, token) => (await OpenAsync(TunnelKind.AcceptedDatagrams, listener.Id, origin, token).ConfigureAwait(false), end.Datagrams),
                Policy.Datagrams,
                options.TimeProvider,
                end.Counters,
                options.Logger);
            return (udp, udp.LocalEndPoint);
        }

        TunnelPort port = new(address, places, (socket, place) => RelayAsync(listener.Id, socket, place), options.TimeProvider, options.Logger, default);
        return (port, port.LocalEndPoint);
    }

    private Task RelayAsync(long listener, Socket socket, ForwardTable.Forward place)
    {
        IPEndPoint? origin = TunnelPort.OriginOf(socket);
        return TunnelRelay.RunAsync(
            socket,
            place,
            async token => (await OpenAsync(TunnelKind.Accepted, listener, origin, token).ConfigureAwait(false), true),
            $"{end.Connection.RemoteEndPoint}'s target",
            options,
            end.Counters);
    }

    private async ValueTask<CausewayStream> OpenAsync(TunnelKind kind, long listener, IPEndPoint? origin, CancellationToken cancellationToken)
    {
        CausewayStream stream = await end.Connection.OpenStreamAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            TunnelFrame request = TunnelFrame.Request(kind) with { Listener = listener, Origin = origin };
            await TunnelStream.RequestAsync(stream, request, cancellationToken).ConfigureAwait(false);
            return stream;
        }
        catch
        {
            stream.Abort();
            throw;
        }
    }
}
