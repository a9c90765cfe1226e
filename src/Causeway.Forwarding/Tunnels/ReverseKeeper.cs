using System.Net;
using Causeway.Forwarding.Tunnels.Udp;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels;

/// <summary>Has a server listen for one reverse tunnel, and asks again whenever that has ended.</summary>
/// <remarks>
/// <code>
/// asking --granted--> listening --stream or connection ended, after 1 s at least--> asking
/// asking --refused, failed--> waits (1 s doubling to 30 s) --> asking
/// </code>
/// A refusal may be the port of the connection before, which the server has not found to be gone yet; so every refusal is asked again.
/// </remarks>
internal sealed class ReverseKeeper
{
    private static readonly TimeSpan s_firstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_lastWait = TimeSpan.FromSeconds(30);

    private readonly TunnelForward _forward;
    private readonly TunnelOpener _opener;
    private readonly Func<CausewayConnection, ReverseTargets?> _targets;
    private readonly TunnelClientOptions _options;
    private readonly TunnelCounters _counters;
    private readonly CancellationToken _stopping;
    private volatile EndPoint? _bound;

    /// <summary>Begins to ask.</summary>
    /// <param name="forward">The tunnel.</param>
    /// <param name="opener">Opens streams to the server.</param>
    /// <param name="targets">The client's end of a connection.</param>
    /// <param name="options">The client's.</param>
    /// <param name="counters">Counts.</param>
    /// <param name="stopping">Ends it.</param>
    public ReverseKeeper(
        TunnelForward forward,
        TunnelOpener opener,
        Func<CausewayConnection, ReverseTargets?> targets,
        TunnelClientOptions options,
        TunnelCounters counters,
        CancellationToken stopping)
    {
        _forward = forward;
        _opener = opener;
        _targets = targets;
        _options = options;
        _counters = counters;
        _stopping = stopping;
        Ended = Task.Run(RunAsync, CancellationToken.None);
    }

    /// <summary>Where the server listens; null while it does not.</summary>
    public EndPoint? Bound => _bound;

    /// <summary>Completes when it was told to stop.</summary>
    public Task Ended { get; }

    private string What => $"listening on {_forward.Listen}{(_forward.IsUdp ? "/udp" : "")}";

    private async Task RunAsync()
    {
        TimeSpan wait = s_firstWait;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                long began = _options.TimeProvider.GetTimestamp();
                await ListenAsync().ConfigureAwait(false);
                wait = s_firstWait;
                if (_options.TimeProvider.GetElapsedTime(began) >= s_firstWait)
                {
                    continue;
                }
            }
            catch (TunnelRefusedException error)
            {
                _counters.CountRefused();
                TunnelLog.RefusedByPeer(_options.Logger, "the server", What, error.Message);
            }
            catch (TransportException error)
            {
                TunnelLog.RefusedByPeer(_options.Logger, "the server", What, error.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception error)
            {
                ForwardingLog.Unexpected(_options.Logger, error.Message, error);
            }

            await Task.Delay(wait, _options.TimeProvider, _stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            wait = wait * 2 < s_lastWait ? wait * 2 : s_lastWait;
        }
    }

    private async Task ListenAsync()
    {
        TunnelKind kind = _forward.IsUdp ? TunnelKind.ListenDatagrams : TunnelKind.Listen;
        ReverseTargets? targets = null;
        (CausewayStream stream, _) = await _opener.OpenAsync(
            TunnelFrame.Request(kind, _forward.Listen.EndPoint),
            _stopping,
            opened =>
            {
                // Before the server can know of it: what comes in there must find its target.
                targets = _targets(opened.Connection);
                targets?.Add(opened.Id, _forward);
            }).ConfigureAwait(false);
        try
        {
            TunnelFrame answer = await TunnelStream.ReadAnswerAsync(stream, _stopping).ConfigureAwait(false);
            _counters.CountGranted();
            _bound = answer.Address ?? _forward.Listen.EndPoint;
            TunnelLog.ServerListens(_options.Logger, _bound, _forward.Target!.ToString());
            await FlowStream.EndedAsync(stream, _stopping).ConfigureAwait(false);
            if (!_stopping.IsCancellationRequested)
            {
                TunnelLog.ServerListensNoMore(_options.Logger, _bound);
            }
        }
        finally
        {
            _bound = null;
            targets?.Remove(stream.Id);
            TunnelStream.Finish(stream);
        }
    }
}
