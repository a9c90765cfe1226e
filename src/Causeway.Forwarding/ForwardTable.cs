using System.Diagnostics.CodeAnalysis;

namespace Causeway.Forwarding;

/// <summary>The connections that are being forwarded: counts and limits them, and can cut them off. Thread-safe.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore whose wait handle is never asked for holds nothing to dispose.")]
internal sealed class ForwardTable
{
    // Streams that a server may hold while they wait: as many as one connection has waiting by default.
    private const int MostWaiting = 1024;

    private readonly Lock _gate = new();
    private readonly HashSet<Forward> _forwards = [];
    private readonly SemaphoreSlim _free;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiting;
    private bool _closed;

    public ForwardTable(int limit)
    {
        Limit = limit;
        _free = new SemaphoreSlim(limit, limit);
    }

    public int Limit { get; }

    public bool IsFull => _free.CurrentCount == 0;

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _forwards.Count;
            }
        }
    }

    /// <summary>Takes a place; waits for one if there is none.</summary>
    public async ValueTask<Forward> AddAsync(CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken).ConfigureAwait(false);
        return Add(new CancellationTokenSource());
    }

    /// <summary>Takes a place if there is one.</summary>
    /// <param name="limit">When it is cut off unless <see cref="Forward.LiftLimit"/> was called.</param>
    /// <param name="time">The clock for that.</param>
    public Forward? TryAdd(TimeSpan limit, TimeProvider time) =>
        _free.Wait(TimeSpan.Zero) ? Add(new CancellationTokenSource(limit, time)) : null;

    /// <summary>Takes a place; waits for one if there is none, unless many wait already.</summary>
    /// <param name="limit">When it gives up waiting, and is cut off unless <see cref="Forward.LiftLimit"/> was called.</param>
    /// <param name="time">The clock for that.</param>
    /// <param name="stopping">Gives up waiting.</param>
    /// <returns>The place, or null.</returns>
    public async Task<Forward?> TryAddAsync(TimeSpan limit, TimeProvider time, CancellationToken stopping)
    {
        CancellationTokenSource cut = new(limit, time);
        try
        {
            if (Interlocked.Increment(ref _waiting) <= MostWaiting)
            {
                using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cut.Token, stopping);
                await _free.WaitAsync(either.Token).ConfigureAwait(false);
                return Add(cut);
            }
        }
        catch (OperationCanceledException)
        {
            // Its time is up, or the forwarder stops.
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }

        cut.Dispose();
        return null;
    }

    /// <summary>Cuts off what goes over a connection.</summary>
    public void Cut(CausewayConnection connection) => Cut(forward => forward.Connection == connection);

    /// <summary>Lets forwards go on for a while, then cuts them off. Later ones are cut off at once.</summary>
    /// <returns>Completes when nothing is forwarded any more.</returns>
    public async Task StopAsync(TimeSpan grace, TimeProvider time)
    {
        lock (_gate)
        {
            _closed = true;
            if (_forwards.Count == 0)
            {
                _drained.TrySetResult();
            }
        }

        if (grace > TimeSpan.Zero)
        {
            await _drained.Task.WaitAsync(grace, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Cut(static _ => true);
        await _drained.Task.ConfigureAwait(false);
    }

    private Forward Add(CancellationTokenSource cut)
    {
        Forward forward = new(this, cut);
        bool closed;
        lock (_gate)
        {
            _forwards.Add(forward);
            closed = _closed;
        }

        if (closed)
        {
            forward.Cut();
        }

        return forward;
    }

    private void Cut(Func<Forward, bool> which)
    {
        Forward[] chosen;
        lock (_gate)
        {
            chosen = [.. _forwards.Where(which)];
        }

        foreach (Forward forward in chosen)
        {
            forward.Cut();
        }
    }

    private void Remove(Forward forward)
    {
        lock (_gate)
        {
            _forwards.Remove(forward);
            if (_closed && _forwards.Count == 0)
            {
                _drained.TrySetResult();
            }
        }

        _free.Release();
    }

    /// <summary>One connection that is being forwarded, from its acceptance to its end.</summary>
    internal sealed class Forward : IDisposable
    {
        private readonly ForwardTable _table;
        private readonly CancellationTokenSource _cut;

        public Forward(ForwardTable table, CancellationTokenSource cut)
        {
            _table = table;
            _cut = cut;
            CutToken = _cut.Token;
        }

        /// <summary>What carries it; null until known.</summary>
        public CausewayConnection? Connection { get; set; }

        /// <summary>Cancelled when it is to be cut off, or its time is up.</summary>
        public CancellationToken CutToken { get; }

        /// <summary>Whether <see cref="Cut"/> was called.</summary>
        public bool IsCut { get; private set; }

        /// <summary>Lets it go on for as long as it likes.</summary>
        /// <returns>False if its time was up already.</returns>
        public bool LiftLimit()
        {
            _cut.CancelAfter(Timeout.InfiniteTimeSpan);
            return IsCut || !_cut.IsCancellationRequested;
        }

        public void Cut()
        {
            IsCut = true;
            try
            {
                _cut.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It ended by itself meanwhile.
            }
        }

        public void Dispose()
        {
            _table.Remove(this);
            _cut.Dispose();
        }
    }
}
