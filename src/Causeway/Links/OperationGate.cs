namespace Causeway.Links;

/// <summary>
/// Lets one operation of a kind be under way at a time and tells who has to free what it uses once the owner is
/// disposed: the disposer if nothing is under way, or else the operation when it ends.
/// </summary>
/// <remarks>
/// <code>
/// Idle --Enter--> Busy --Exit--> Idle
/// Idle --Close--> Closed               the disposer cleans up
/// Busy --Close--> Closing --Exit--> Closed   the operation cleans up
/// </code>
/// A mutable struct: keep it in a field that is not readonly.
/// </remarks>
internal struct OperationGate
{
    private const int Idle = 0;
    private const int Busy = 1;
    private const int Closing = 2;
    private const int Closed = 3;

    private int _state;

    /// <summary>Whether <see cref="Close"/> was called.</summary>
    public readonly bool IsClosed => Volatile.Read(in _state) >= Closing;

    /// <summary>Begins an operation.</summary>
    /// <exception cref="ObjectDisposedException">The gate is closed.</exception>
    /// <exception cref="InvalidOperationException">An operation is under way.</exception>
    public void Enter(Type owner)
    {
        int state = Interlocked.CompareExchange(ref _state, Busy, Idle);
        ObjectDisposedException.ThrowIf(state >= Closing, owner);
        if (state == Busy)
        {
            throw new InvalidOperationException("Only one operation of a kind may be under way on a link.");
        }
    }

    /// <summary>Ends an operation.</summary>
    /// <returns>Whether the gate was closed meanwhile, so that the caller has to clean up.</returns>
    public bool Exit()
    {
        if (Interlocked.CompareExchange(ref _state, Idle, Busy) == Busy)
        {
            return false;
        }

        _state = Closed;
        return true;
    }

    /// <summary>Refuses operations from now on.</summary>
    /// <returns>Whether nothing is under way, so that the caller has to clean up. True once at most.</returns>
    public bool Close()
    {
        while (true)
        {
            int state = Volatile.Read(ref _state);
            if (state >= Closing)
            {
                return false;
            }

            int next = state == Idle ? Closed : Closing;
            if (Interlocked.CompareExchange(ref _state, next, state) == state)
            {
                return next == Closed;
            }
        }
    }
}
