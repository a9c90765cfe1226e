using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding.Tunnels.Udp;

/// <summary>What comes to a <see cref="UdpPort"/> from one address, and the answers.</summary>
/// <remarks>
/// <code>
/// opening --stream opened--> open --stream ended | quiet | port closed--> ended
/// opening, open --peer refuses--> refused (drops what comes) --5 s--> ended
/// </code>
/// </remarks>
internal sealed class UdpPortFlow : Flow, IDatagramSink
{
    // What may wait for the stream: the first datagrams of a protocol that does not wait for answers.
    private const int MostWaiting = 16;
    private const int MostWaitingBytes = 128 * 1024;

    // Whoever sends on to a target that was refused does not ask again with every datagram.
    private static readonly TimeSpan s_refusedTime = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly UdpPort _port;
    private readonly IPEndPoint _origin;
    private readonly TimeProvider _time;
    private readonly TunnelCounters _counters;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Queue<byte[]>? _waiting = new();
    private int _waitingBytes;
    private CausewayStream? _stream;
    private DatagramMux? _mux;
    private volatile bool _isRefused;

    public UdpPortFlow(
        UdpPort port, SocketAddress from, IPEndPoint origin, TimeProvider time, TunnelCounters counters, ILogger logger)
    {
        _port = port;
        From = from;
        _origin = origin;
        _time = time;
        _counters = counters;
        _logger = logger;
    }

    /// <summary>The address.</summary>
    public SocketAddress From { get; }

    public void Start(UdpPort.FlowOpener open, CancellationToken stopping) => _ = RunAsync(open, stopping);

    /// <summary>Sends what came from the address; the buffer has headroom, and is the caller's again afterwards.</summary>
    public void Send(Memory<byte> datagram)
    {
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
        _port.Touch(this);
        _port.Send(payload, From);
    }

    /// <inheritdoc/>
    public override void End()
    {
        // The next datagram from there begins another flow.
        _port.Unlist(this);
        _ended.TrySetResult();
    }

    private async Task RunAsync(UdpPort.FlowOpener open, CancellationToken stopping)
    {
        CausewayStream? stream = null;
        DatagramMux? mux = null;
        try
        {
            using CancellationTokenSource opening = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            Task cancelling = CancelAsync(opening);
            (stream, mux) = await open(_origin, opening.Token).ConfigureAwait(false);
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
            TunnelLog.RefusedByPeer(_logger, $"{_origin}/udp", $"{_port.LocalEndPoint}/udp's target", error.Message);
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
            _port.Forget(this);
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
