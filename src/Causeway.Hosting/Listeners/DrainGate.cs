namespace Causeway.Hosting;

/// <summary>Counts what runs, and tells when nothing does and nothing may begin any more. Thread-safe.</summary>
internal sealed class DrainGate
{
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // One is the gate's own while it is open.
    private int _holds = 1;
    private int _isClosed;

    /// <summary>Completes once the gate is closed and all that entered has left.</summary>
    public Task Drained => _drained.Task;

    /// <summary>Enters, unless the gate is closed.</summary>
    public bool TryEnter()
    {
        Interlocked.Increment(ref _holds);
        if (Volatile.Read(ref _isClosed) == 0)
        {
            return true;
        }

        Leave();
        return false;
    }

    /// <summary>Leaves; once for each that entered.</summary>
    public void Leave()
    {
        if (Interlocked.Decrement(ref _holds) == 0)
        {
            _drained.TrySetResult();
        }
    }

    /// <summary>Lets nothing in any more.</summary>
    public void Close()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) == 0)
        {
            Leave();
        }
    }
}
