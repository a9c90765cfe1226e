using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding.Tunnels.Udp;

/// <summary>A flow at the end where its datagrams come in: opens its stream, and holds the first datagrams until it is there.</summary>
/// <remarks>
/// <code>
/// opening --stream opened--> open --stream ended | quiet | port closed--> ended
/// opening, open --peer refuses--> refused (drops what comes) --5 s--> ended
/// </code>
/// </remarks>
internal abstract class UdpPortFlow : Flow, IDatagramSink
{
    // What may wait for the stream: the first datagrams of a protocol that does not wait for answers.
    private const int MostWaiting = 16;
    private const int MostWaitingBytes = 128 * 1024;

    // Whoever sends on to a target that was refused does not ask again with every datagram.
    private static readonly TimeSpan s_refusedTime = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly FlowTable _table;
    private readonly string _name;
    private readonly TimeProvider _time;
    private readonly TunnelCounters _counters;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Queue<byte[]>? _waiting = new();
    private int _waitingBytes;
    private CausewayStream? _stream;
    private DatagramMux? _mux;
    private volatile bool _isRefused;

    /// <param name="table">Has taken it when it is started.</param>
    /// <param name="name">What it is, for people: where its datagrams come from and go to.</param>
    /// <param name="time">The clock.</param>
    /// <param name="counters">Counts.</param>
    /// <param name="logger">Takes log lines.</param>
    protected UdpPortFlow(FlowTable table, string name, TimeProvider time, TunnelCounters counters, ILogger logger)
    {
        _table = table;
        _name = name;
        _time = time;
        _counters = counters;
        _logger = logger;
    }

    /// <summary>Opens a flow's stream, whose request is written, and says what carries its datagrams.</summary>
    internal delegate ValueTask<(CausewayStream Stream, DatagramMux Mux)> Opener(CancellationToken cancellationToken);

    public void Start(Opener open, CancellationToken stopping) => _ = RunAsync(open, stopping);

    /// <summary>Sends a datagram; the buffer has headroom, and is the caller's again afterwards.</summary>
    public void Send(Memory<byte> datagram)
    {
        _table.Touch(this);
        CausewayStream? stream = Volatile.Read(ref _stream);
        if (_isRefused)
        {
            _counters.CountDropped();
            return;
        }

        if (stream is null)
        {
            lock (_gate)
            {
                stream = _stream;
                if (stream is null)
                {
                    if (_waiting is null || _waiting.Count >= MostWaiting || _waitingBytes + datagram.Length > MostWaitingBytes)
                    {
                        _counters.CountDropped();
                    }
                    else
                    {
                        _waiting.Enqueue(datagram.ToArray());
                        _waitingBytes += datagram.Length;
                    }

                    return;
                }
            }
        }

        _mux!.Send((uint)stream.Id, datagram);
    }

    /// <inheritdoc/>
    public void Deliver(ReadOnlySpan<byte> payload)
    {
        _table.Touch(this);
        Answer(payload);
    }

    /// <inheritdoc/>
    public override void End()
    {
        // The next datagram from there begins another flow.
        Unlist();
        _ended.TrySetResult();
    }

    /// <summary>Gives a payload of the peer's to whoever the flow is for; does not wait.</summary>
    protected abstract void Answer(ReadOnlySpan<byte> payload);

    /// <summary>Has the next datagram of the same kind begin another flow. Called several times.</summary>
    protected abstract void Unlist();

    private async Task RunAsync(Opener open, CancellationToken stopping)
    {
        CausewayStream? stream = null;
        DatagramMux? mux = null;
        try
        {
            using CancellationTokenSource opening = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            Task cancelling = CancelAsync(opening);
            (stream, mux) = await open(opening.Token).ConfigureAwait(false);
            mux.Register((uint)stream.Id, this);
            SendWaiting(stream, mux);
            await TunnelStream.ReadAnswerAsync(stream, opening.Token).ConfigureAwait(false);
            _counters.CountGranted();
            await Task.WhenAny(_ended.Task, FlowStream.EndedAsync(stream, stopping)).ConfigureAwait(false);
            End();
            await cancelling.ConfigureAwait(false);
        }
        catch (TunnelRefusedException error)
        {
            _isRefused = true;
            _counters.CountRefused();
            TunnelLog.FlowRefused(_logger, _name, error.Message);
            DropWaiting();
            await Task.WhenAny(_ended.Task, Task.Delay(s_refusedTime, _time, stopping)).ConfigureAwait(false);
        }
        catch (Exception error) when (error is TransportException or OperationCanceledException)
        {
            // The connection ended, or nobody wants the flow any more: the next datagram opens another one.
        }
        finally
        {
            End();
            if (stream is not null)
            {
                mux?.Unregister((uint)stream.Id);
                TunnelStream.Finish(stream);
            }

            DropWaiting();
            _table.Remove(this);
        }
    }

    private async Task CancelAsync(CancellationTokenSource opening)
    {
        await _ended.Task.ConfigureAwait(false);
        try
        {
            await opening.CancelAsync().ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // It is open, or failed.
        }
    }

    private void SendWaiting(CausewayStream stream, DatagramMux mux)
    {
        lock (_gate)
        {
            _mux = mux;
            while (_waiting!.TryDequeue(out byte[]? datagram))
            {
                mux.Send((uint)stream.Id, datagram);
            }

            _waiting = null;
            Volatile.Write(ref _stream, stream);
        }
    }

    private void DropWaiting()
    {
        lock (_gate)
        {
            for (int left = _waiting?.Count ?? 0; left > 0; left--)
            {
                _counters.CountDropped();
            }

            _waiting = null;
        }
    }
}
