using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels;

/// <summary>A server's end of a connection that speaks the tunnel protocol: does what its streams ask for, if that is allowed.</summary>
internal sealed class TunnelServer : IDisposable
{
    private readonly ForwardServerOptions _options;
    private readonly TunnelEnd _end;
    private readonly ReverseListeners _listeners;

    public TunnelServer(
        ForwardServerOptions options, CausewayConnection connection, ForwardPlaces places, TargetDialer dialer, TunnelCounters counters)
    {
        _options = options;
        _end = new TunnelEnd(connection, options, Policy.Datagrams, dialer, counters);
        _listeners = new ReverseListeners(_end, options, places);
    }

    private TunnelPolicy Policy => _options.Tunnels;

    /// <summary>Ends what the connection held; call it when that has ended.</summary>
    public void Dispose() => _end.Dispose();

    /// <summary>Serves a stream to its end.</summary>
    /// <exception cref="TransportException">The stream or the connection failed.</exception>
    /// <exception cref="OperationCanceledException">The stream was cut off, or said nothing in time.</exception>
    public async Task ServeAsync(CausewayStream stream, ForwardTable.Forward forward)
    {
        if (await _end.ReadRequestAsync(stream, Policy.RequestTimeout, forward.CutToken).ConfigureAwait(false) is not { } request)
        {
            return;
        }

        TunnelKind kind = (TunnelKind)request.Code;
        switch (kind)
        {
            case TunnelKind.Connect or TunnelKind.Datagrams:
                await LeadAsync(stream, kind, request, forward).ConfigureAwait(false);
                break;
            case TunnelKind.Listen or TunnelKind.ListenDatagrams:
                await _listeners.ListenAsync(stream, request, forward).ConfigureAwait(false);
                break;
            default:
                await _end.RefuseAsync(
                    stream, TunnelStream.Describe(kind, request.Address), TunnelRefusal.Unsupported, "a server does not do that").ConfigureAwait(false);
                break;
        }
    }

    private async Task LeadAsync(CausewayStream stream, TunnelKind kind, TunnelFrame request, ForwardTable.Forward forward)
    {
        string what = TunnelStream.Describe(kind, request.Address);
        ProtocolType protocol = kind == TunnelKind.Datagrams ? ProtocolType.Udp : ProtocolType.Tcp;
        (IReadOnlyList<ForwardEndPoint>? targets, TunnelRefusal reason, string problem) =
            await AllowedAsync(protocol, request.Address, forward.CutToken).ConfigureAwait(false);
        if (targets is null)
        {
            await _end.RefuseAsync(stream, what, reason, problem).ConfigureAwait(false);
        }
        else if (kind == TunnelKind.Datagrams)
        {
            await _end.CarryDatagramsAsync(stream, what, targets, forward).ConfigureAwait(false);
        }
        else
        {
            // The address that the client has here. What it says itself about others (the origin) it could make up.
            byte[] header = _options.SendsProxyHeader ? ProxyHeader.For(_end.Connection.RemoteEndPoint, _end.Connection.LocalEndPoint) : [];
            await _end.ConnectAsync(stream, what, targets, header, forward).ConfigureAwait(false);
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
        if (!isNamed && !Policy.Targets.Any(static rule => rule.IsAboutAddresses))
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
}
