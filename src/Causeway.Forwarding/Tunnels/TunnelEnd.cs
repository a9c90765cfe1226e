using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels.Udp;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels;

/// <summary>
/// One end of a connection that speaks the tunnel protocol: leads streams of the peer's to targets on this side, and carries the
/// datagrams of all flows. Thread-safe.
/// </summary>
internal sealed class TunnelEnd : IDisposable
{
    private readonly ForwardOptions _options;
    private readonly TargetDialer _dialer;
    private readonly FlowTable _flows;

    public TunnelEnd(
        CausewayConnection connection, ForwardOptions options, TunnelDatagramOptions datagrams, TargetDialer dialer, TunnelCounters counters)
    {
        Connection = connection;
        Counters = counters;
        _options = options;
        _dialer = dialer;
        Datagrams = new DatagramMux(connection, datagrams, options.TimeProvider, counters);
        _flows = new FlowTable(datagrams, options.TimeProvider, counters);
    }

    public CausewayConnection Connection { get; }

    public TunnelCounters Counters { get; }

    /// <summary>What carries the datagrams of flows.</summary>
    public DatagramMux Datagrams { get; }

    /// <summary>Ends what the connection held; call it when that has ended.</summary>
    public void Dispose() => _flows.Dispose();

    /// <summary>Reads what a stream is for.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="timeout">How long it may take.</param>
    /// <param name="cut">Gives up.</param>
    /// <returns>The request; null if there is none, and the stream was answered.</returns>
    /// <exception cref="TransportException">The stream or the connection failed.</exception>
    /// <exception cref="OperationCanceledException">It took too long, or was cut off.</exception>
    public async ValueTask<TunnelFrame?> ReadRequestAsync(CausewayStream stream, TimeSpan timeout, CancellationToken cut)
    {
        using CancellationTokenSource limit = new(timeout, _options.TimeProvider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cut);
        (TunnelFrame? request, TunnelRefusal reason, string problem) = await TunnelFrameReader.ReadAsync(stream, either.Token).ConfigureAwait(false);
        if (request is null)
        {
            await RefuseAsync(stream, "something", reason, problem).ConfigureAwait(false);
        }

        return request;
    }

    /// <summary>Connects a stream to one of several addresses, answers, and relays to the end.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="what">What was asked for, for people.</param>
    /// <param name="targets">The addresses.</param>
    /// <param name="proxyHeader">What stands in front of what the target gets; may be empty.</param>
    /// <param name="forward">Its place.</param>
    /// <exception cref="TransportException">The stream or the connection failed.</exception>
    /// <exception cref="OperationCanceledException">It was cut off.</exception>
    public async Task ConnectAsync(
        CausewayStream stream, string what, IReadOnlyList<ForwardEndPoint> targets, ReadOnlyMemory<byte> proxyHeader, ForwardTable.Forward forward)
    {
        DialResult result = await _dialer.DialAsync(targets, forward).ConfigureAwait(false);
        if (result.Socket is not { } socket)
        {
            await RefuseAsync(stream, what, result.Reason, result.Problem).ConfigureAwait(false);
            return;
        }

        try
        {
            if (!proxyHeader.IsEmpty)
            {
                await ForwardRelay.SendHeaderAsync(socket, proxyHeader, forward.CutToken).ConfigureAwait(false);
            }

            await stream.WriteAsync(TunnelFrame.Grant().ToBytes(), forward.CutToken).ConfigureAwait(false);
        }
        catch (SocketException error)
        {
            await RefuseAsync(stream, what, TargetDialer.ReasonOf(error), error.Message).ConfigureAwait(false);
            return;
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        Counters.CountGranted();
        await ForwardRelay.RunAsync(socket, stream, fromSocket: false, _options, forward.CutToken).ConfigureAwait(false);
    }

    /// <summary>Makes a stream a flow to one of several addresses, answers, and carries its datagrams to the end.</summary>
    /// <exception cref="TransportException">The stream or the connection failed.</exception>
    /// <exception cref="OperationCanceledException">It was cut off.</exception>
    public async Task CarryDatagramsAsync(CausewayStream stream, string what, IReadOnlyList<ForwardEndPoint> targets, ForwardTable.Forward forward)
    {
        if (!Datagrams.CanCarry(stream))
        {
            await RefuseAsync(stream, what, TunnelRefusal.Unsupported, "the connection carries no datagrams").ConfigureAwait(false);
            return;
        }

        (Socket? socket, TunnelRefusal reason, string problem) = await UdpTarget.ConnectAsync(targets, forward.CutToken).ConfigureAwait(false);
        if (socket is null)
        {
            await RefuseAsync(stream, what, reason, problem).ConfigureAwait(false);
        }
        else if (!forward.LiftLimit())
        {
            socket.Dispose();
            stream.Abort();
        }
        else if (!await UdpTarget.TryRunAsync(socket, stream, Datagrams, _flows, Counters, forward.CutToken).ConfigureAwait(false))
        {
            await RefuseAsync(stream, what, TunnelRefusal.LimitReached, "as many flows are open as may be").ConfigureAwait(false);
        }
    }

    /// <summary>Refuses what a stream was for, and says so in the log.</summary>
    public async Task RefuseAsync(CausewayStream stream, string what, TunnelRefusal reason, string problem)
    {
        Counters.CountRefused();
        TunnelLog.Refused(_options.Logger, Connection.RemoteEndPoint, what, reason, problem);
        await TunnelStream.RefuseAsync(stream, reason, problem).ConfigureAwait(false);
    }
}
