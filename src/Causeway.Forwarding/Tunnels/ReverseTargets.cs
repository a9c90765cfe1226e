using System.Collections.Concurrent;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels;

/// <summary>
/// A client's end of a connection: leads what comes in at the server's ports to this end's targets. A server gets nowhere
/// but where the client asked it to listen for. Thread-safe.
/// </summary>
internal sealed class ReverseTargets
{
    // As long as a server gives to a client.
    private static readonly TimeSpan s_requestTimeout = TimeSpan.FromSeconds(5);

    private readonly TunnelEnd _end;
    private readonly TunnelClientOptions _options;
    private readonly ForwardPlaces _places;
    private readonly ConcurrentDictionary<long, TunnelForward> _listeners = new();

    public ReverseTargets(TunnelEnd end, TunnelClientOptions options, ForwardPlaces places)
    {
        _end = end;
        _options = options;
        _places = places;
        _ = RunAsync();
    }

    public TunnelEnd End => _end;

    /// <summary>Has what comes in by a listener go to a tunnel's target.</summary>
    /// <param name="listener">The id of the stream that asks to listen.</param>
    /// <param name="forward">The tunnel.</param>
    public void Add(long listener, TunnelForward forward) => _listeners[listener] = forward;

    public void Remove(long listener) => _listeners.TryRemove(listener, out _);

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                CausewayStream stream = await _end.Connection.AcceptStreamAsync().ConfigureAwait(false);
                if (!stream.CanWrite)
                {
                    stream.Abort();
                }
                else if (_places.Table.TryAdd(_options.ConnectTimeout, _options.TimeProvider) is { } forward)
                {
                    forward.Connection = _end.Connection;
                    _ = ServeAsync(stream, forward);
                }
                else
                {
                    _places.LogFull();
                    _ = TunnelStream.RefuseAsync(stream, TunnelRefusal.LimitReached, "as much is being forwarded as may be");
                }
            }
        }
        catch (TransportException)
        {
            // The connection has ended.
        }

        await _end.Connection.Closed.ConfigureAwait(false);
        _end.Dispose();
    }

    private async Task ServeAsync(CausewayStream stream, ForwardTable.Forward forward)
    {
        using (forward)
        {
            try
            {
                if (await _end.ReadRequestAsync(stream, s_requestTimeout, forward.CutToken).ConfigureAwait(false) is { } request)
                {
                    await ServeAsync(stream, request, forward).ConfigureAwait(false);
                }
            }
            catch (Exception error) when (error is TransportException or OperationCanceledException)
            {
                stream.Abort();
            }
            catch (Exception error)
            {
                stream.Abort();
                ForwardingLog.Unexpected(_options.Logger, error.Message, error);
            }
        }
    }

    private async Task ServeAsync(CausewayStream stream, TunnelFrame request, ForwardTable.Forward forward)
    {
        TunnelKind kind = (TunnelKind)request.Code;
        bool isKnown = kind is TunnelKind.Accepted or TunnelKind.AcceptedDatagrams;
        if (!isKnown || request.Listener is not { } id)
        {
            await _end.RefuseAsync(stream, TunnelStream.Describe(kind, request.Address), TunnelRefusal.Unsupported, "a client does not do that").ConfigureAwait(false);
        }
        else if (!_listeners.TryGetValue(id, out TunnelForward? tunnel) || tunnel.IsUdp != (kind == TunnelKind.AcceptedDatagrams))
        {
            await _end.RefuseAsync(stream, TunnelStream.Describe(kind, request.Address), TunnelRefusal.NotAllowed, "this end did not ask for it").ConfigureAwait(false);
        }
        else if (tunnel.IsUdp)
        {
            await _end.CarryDatagramsAsync(stream, $"{tunnel.Target}/udp", [tunnel.Target!], forward).ConfigureAwait(false);
        }
        else
        {
            byte[] header = tunnel.SendsProxyHeader ? ProxyHeader.For(request.Origin, tunnel.Listen.EndPoint) : [];
            await _end.ConnectAsync(stream, $"{tunnel.Target}", [tunnel.Target!], header, forward).ConfigureAwait(false);
        }
    }
}
