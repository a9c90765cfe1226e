using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels.Udp;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels;

/// <summary>A server's end of a connection that speaks the tunnel protocol: does what its streams ask for, if that is allowed.</summary>
internal sealed class TunnelServer : IDisposable
{
    private readonly ForwardServerOptions _options;
    private readonly CausewayConnection _connection;
    private readonly TargetDialer _dialer;
    private readonly TunnelCounters _counters;
    private readonly DatagramMux _datagrams;
    private readonly FlowTable _flows;

    public TunnelServer(ForwardServerOptions options, CausewayConnection connection, TargetDialer dialer, TunnelCounters counters)
    {
        _options = options;
        _connection = connection;
        _dialer = dialer;
        _counters = counters;
        _datagrams = new DatagramMux(connection, Policy.Datagrams, options.TimeProvider, counters);
        _flows = new FlowTable(Policy.Datagrams, options.TimeProvider, counters);
    }

    /// <summary>Ends what the connection held; call it when that has ended.</summary>
    public void Dispose() => _flows.Dispose();

    private TunnelPolicy Policy => _options.Tunnels;

    /// <summary>Serves a stream to its end.</summary>
    /// <exception cref="TransportException">The stream or the connection failed.</exception>
    /// <exception cref="OperationCanceledException">The stream was cut off, or said nothing in time.</exception>
    public async Task ServeAsync(CausewayStream stream, ForwardTable.Forward forward)
    {
        (TunnelFrame? request, TunnelRefusal reason, string problem) = await ReadRequestAsync(stream, forward.CutToken).ConfigureAwait(false);
        if (request is null)
        {
            await RefuseAsync(stream, "something", reason, problem).ConfigureAwait(false);
            return;
        }

        switch ((TunnelKind)request.Code)
        {
            case TunnelKind.Connect:
                await ConnectAsync(stream, request, forward).ConfigureAwait(false);
                break;
            case TunnelKind.Datagrams:
                await CarryDatagramsAsync(stream, request, forward).ConfigureAwait(false);
                break;
            default:
                await RefuseAsync(
                    stream, TunnelStream.Describe((TunnelKind)request.Code, request.Address), TunnelRefusal.Unsupported, "not known here").ConfigureAwait(false);
                break;
        }
    }

    private async ValueTask<(TunnelFrame? Request, TunnelRefusal Reason, string Problem)> ReadRequestAsync(CausewayStream stream, CancellationToken cut)
    {
        using CancellationTokenSource limit = new(Policy.RequestTimeout, _options.TimeProvider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cut);
        return await TunnelFrameReader.ReadAsync(stream, either.Token).ConfigureAwait(false);
    }

    private async Task ConnectAsync(CausewayStream stream, TunnelFrame request, ForwardTable.Forward forward)
    {
        string what = TunnelStream.Describe(TunnelKind.Connect, request.Address);
        (IReadOnlyList<ForwardEndPoint>? targets, TunnelRefusal reason, string problem) =
            await AllowedAsync(ProtocolType.Tcp, request.Address, forward.CutToken).ConfigureAwait(false);
        if (targets is null)
        {
            await RefuseAsync(stream, what, reason, problem).ConfigureAwait(false);
            return;
        }

        DialResult result = await _dialer.DialAsync(targets, forward).ConfigureAwait(false);
        if (result.Socket is not { } socket)
        {
            await RefuseAsync(stream, what, result.Reason, result.Problem).ConfigureAwait(false);
            return;
        }

        try
        {
            await stream.WriteAsync(TunnelFrame.Grant().ToBytes(), forward.CutToken).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        _counters.CountGranted();
        await ForwardRelay.RunAsync(socket, stream, fromSocket: false, _options, forward.CutToken).ConfigureAwait(false);
    }

    private async Task CarryDatagramsAsync(CausewayStream stream, TunnelFrame request, ForwardTable.Forward forward)
    {
        string what = TunnelStream.Describe(TunnelKind.Datagrams, request.Address);
        if (!_datagrams.IsPossible || stream.Id > uint.MaxValue)
        {
            await RefuseAsync(stream, what, TunnelRefusal.Unsupported, "the connection carries no datagrams").ConfigureAwait(false);
            return;
        }

        (IReadOnlyList<ForwardEndPoint>? targets, TunnelRefusal reason, string problem) =
            await AllowedAsync(ProtocolType.Udp, request.Address, forward.CutToken).ConfigureAwait(false);
        Socket? socket = null;
        if (targets is not null)
        {
            (socket, reason, problem) = await UdpTarget.ConnectAsync(targets[0], forward.CutToken).ConfigureAwait(false);
        }

        if (socket is null)
        {
            await RefuseAsync(stream, what, reason, problem).ConfigureAwait(false);
        }
        else if (!forward.LiftLimit())
        {
            socket.Dispose();
            stream.Abort();
        }
        else if (!await UdpTarget.TryRunAsync(socket, stream, _datagrams, _flows, _counters, forward.CutToken).ConfigureAwait(false))
        {
            await RefuseAsync(stream, what, TunnelRefusal.LimitReached, "as many flows are open as may be").ConfigureAwait(false);
        }
    }

    /// <summary>The addresses of a target that may be connected to; or null, and why there are none.</summary>
    private async ValueTask<(IReadOnlyList<ForwardEndPoint>? Targets, TunnelRefusal Reason, string Problem)> AllowedAsync(
        ProtocolType protocol, EndPoint? target, CancellationToken cancellationToken)
    {
        switch (target)
        {
            case null:
                return _options.Target is { } own ? ([own], default, "") : (null, TunnelRefusal.NotAllowed, "this server has no target of its own");
            case DnsEndPoint dns:
                return await AllowedAsync(protocol, dns, cancellationToken).ConfigureAwait(false);
            case UnixDomainSocketEndPoint when protocol == ProtocolType.Udp:
                return (null, TunnelRefusal.Unsupported, "a Unix socket takes no datagrams");
            default:
                return Policy.Allows(protocol, target)
                    ? ([ForwardEndPoint.From(target)], default, "")
                    : (null, TunnelRefusal.NotAllowed, "no rule of this server allows it");
        }
    }

    /// <summary>
    /// A name that no rule names may still have addresses that one allows. It is connected to those and no others, looked up once, so
    /// that a name whose addresses change in between gets nowhere else.
    /// </summary>
    private async ValueTask<(IReadOnlyList<ForwardEndPoint>? Targets, TunnelRefusal Reason, string Problem)> AllowedAsync(
        ProtocolType protocol, DnsEndPoint name, CancellationToken cancellationToken)
    {
        bool isNamed = Policy.Allows(protocol, name);
        if (!isNamed && Policy.Targets.Count == 0)
        {
            return (null, TunnelRefusal.NotAllowed, "no rule of this server allows it");
        }

        try
        {
            IPAddress[] addresses = await TargetDialer.ResolveAsync(name.Host, cancellationToken).ConfigureAwait(false);
            ForwardEndPoint[] allowed =
            [
                .. addresses.Select(address => new IPEndPoint(address, name.Port))
                    .Where(address => isNamed || Policy.Allows(protocol, (EndPoint)address))
                    .Select(static address => ForwardEndPoint.From(address)),
            ];
            return allowed.Length > 0 ? (allowed, default, "") : (null, TunnelRefusal.NotAllowed, "no rule of this server allows it");
        }
        catch (SocketException error)
        {
            // Whoever may not reach a name is not told whether there is one.
            return isNamed
                ? (null, TargetDialer.ReasonOf(error), error.Message)
                : (null, TunnelRefusal.NotAllowed, "no rule of this server allows it");
        }
    }

    private async Task RefuseAsync(CausewayStream stream, string what, TunnelRefusal reason, string problem)
    {
        _counters.CountRefused();
        TunnelLog.Refused(_options.Logger, _connection.RemoteEndPoint, what, reason, problem);
        await TunnelStream.RefuseAsync(stream, reason, problem).ConfigureAwait(false);
    }
}
