using System.Net;
using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Testing;

/// <summary>
/// Makes another link unreliable on purpose, for demonstrations and for tests: loss, bursts of it, delay, jitter,
/// reordering, duplicates, flipped bits, a limited rate with a queue, blackouts. See <see cref="FaultModel"/> for what
/// happens in which order.
/// </summary>
/// <remarks>
/// Owns the inner link and disposes it. A send completes when its datagrams have entered the simulated link, as with a
/// socket. The fate of the n-th datagram of a direction depends only on the seed and n.
/// </remarks>
public sealed class FaultInjectionLink : IDatagramLink
{
    private const int SendDirection = 0;
    private const int ReceiveDirection = 1;

    private readonly IDatagramLink _inner;
    private readonly FaultLine _sending;
    private readonly FaultLine _receiving;
    private readonly DatagramQueue _received;
    private long _receiveOverflowed;
    private int _isPumping;
    private Task _pump = Task.CompletedTask;
    private bool _isDisposed;

    /// <summary>Makes the decorator.</summary>
    /// <param name="inner">The link whose datagrams suffer.</param>
    /// <param name="options">What they suffer.</param>
    /// <param name="timeProvider">The clock; null is the system's, whose timers tick in milliseconds.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public FaultInjectionLink(IDatagramLink inner, FaultInjectionOptions options, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        timeProvider ??= TimeProvider.System;
        _inner = inner;
        _received = new DatagramQueue(options.MaxHeldDatagrams);

        int headroom = Math.Max(PacketPool.DefaultHeadroom, inner.Capabilities.Headroom);
        _sending = new FaultLine(options.Send, SendDirection, options, timeProvider, headroom, SendDueAsync);
        _receiving = new FaultLine(
            options.Receive, ReceiveDirection, options, timeProvider, PacketPool.DefaultHeadroom, ReceiveDueAsync);
    }

    /// <inheritdoc/>
    public DatagramLinkCapabilities Capabilities => _inner.Capabilities;

    /// <inheritdoc/>
    public EndPoint LocalEndPoint => _inner.LocalEndPoint;

    /// <summary>What happens to datagrams sent; may be replaced while the link is in use.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public FaultModelOptions SendFaults
    {
        get => _sending.Faults;
        set => _sending.Faults = value;
    }

    /// <summary>What happens to datagrams received; may be replaced while the link is in use.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public FaultModelOptions ReceiveFaults
    {
        get => _receiving.Faults;
        set => _receiving.Faults = value;
    }

    /// <summary>Counters of what is sent.</summary>
    public FaultInjectionStatistics SendStatistics => _sending.Statistics;

    /// <summary>Counters of what is received.</summary>
    public FaultInjectionStatistics ReceiveStatistics
    {
        get
        {
            FaultInjectionStatistics statistics = _receiving.Statistics;
            return statistics with { Overflowed = statistics.Overflowed + Volatile.Read(ref _receiveOverflowed) };
        }
    }

    /// <summary>Takes the link down in both directions, or up again. What is under way arrives.</summary>
    public void SetBlackout(bool isDown)
    {
        _sending.SetBlackout(isDown);
        _receiving.SetBlackout(isDown);
    }

    /// <inheritdoc/>
    public ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        if (buffers.IsEmpty)
        {
            throw new ArgumentException("There must be room for at least one datagram.", nameof(buffers));
        }

        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed), this);
        if (Interlocked.Exchange(ref _isPumping, 1) == 0)
        {
            Volatile.Write(ref _pump, Task.Run(PumpAsync, CancellationToken.None));
        }

        return _received.DequeueAsync(buffers, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed), this);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        if (_sending.Completion.IsFaulted)
        {
            return new ValueTask(_sending.Completion);
        }

        _sending.Enter(buffers.Span);
        return ValueTask.CompletedTask;
    }

    /// <summary>Ends pending operations; what is under way is lost, and every buffer is given back on return.</summary>
    public async ValueTask DisposeAsync()
    {
        Volatile.Write(ref _isDisposed, true);
        _sending.Close();
        _receiving.Close();
        _received.Close(new ObjectDisposedException(typeof(FaultInjectionLink).FullName));
        await _inner.DisposeAsync().ConfigureAwait(false);

        // A delivery that failed was reported to the sender when it happened.
        await Task.WhenAll(Volatile.Read(ref _pump), _sending.Completion, _receiving.Completion)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async ValueTask SendDueAsync(ReadOnlyMemory<PacketBuffer> due)
    {
        try
        {
            await _inner.SendAsync(due).ConfigureAwait(false);
        }
        catch (ObjectDisposedException) when (Volatile.Read(ref _isDisposed))
        {
            // Lost, as documented.
        }
        finally
        {
            Release(due.Span);
        }
    }

    private ValueTask ReceiveDueAsync(ReadOnlyMemory<PacketBuffer> due)
    {
        foreach (PacketBuffer datagram in due.Span)
        {
            if (!_received.TryEnqueue(datagram))
            {
                _receiveOverflowed++;
                datagram.Release();
            }
        }

        return ValueTask.CompletedTask;
    }

    // Takes everything from the inner link at once, so that datagrams enter the simulated one when they came.
    private async Task PumpAsync()
    {
        PacketBuffer[] buffers = new PacketBuffer[Math.Max(1, _inner.Capabilities.PreferredBatch)];
        try
        {
            while (true)
            {
                int count = await _inner.ReceiveAsync(buffers).ConfigureAwait(false);
                _receiving.Enter(buffers.AsSpan(0, count));
                Release(buffers.AsSpan(0, count));
            }
        }
        catch (Exception e)
        {
            // The first reason is kept: the caller's next receive reports it.
            _received.Close(e);
        }
    }

    private static void Release(ReadOnlySpan<PacketBuffer> datagrams)
    {
        foreach (PacketBuffer datagram in datagrams)
        {
            datagram.Release();
        }
    }
}
