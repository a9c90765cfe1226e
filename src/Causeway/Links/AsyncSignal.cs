using System.Threading.Tasks.Sources;

namespace Causeway.Links;

/// <summary>
/// An auto-reset event that one waiter at a time awaits without allocating. A signal given while nobody waits is kept
/// for the next wait; several are one.
/// </summary>
internal sealed class AsyncSignal : IValueTaskSource
{
    private readonly Lock _lock = new();
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private bool _isSet;
    private bool _isAwaited;

    /// <summary>Wakes the waiter, or the next one.</summary>
    public void Set()
    {
        lock (_lock)
        {
            if (!_isAwaited)
            {
                _isSet = true;
                return;
            }

            _isAwaited = false;
        }

        _core.SetResult(true);
    }

    /// <summary>Waits for a signal and takes it.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled; no signal is lost.</exception>
    public ValueTask WaitAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        short version;
        lock (_lock)
        {
            if (_isSet)
            {
                _isSet = false;
                return ValueTask.CompletedTask;
            }

            if (_isAwaited)
            {
                throw new InvalidOperationException("Only one operation of a kind may be under way on a link.");
            }

            _core.Reset();
            _isAwaited = true;
            version = _core.Version;
        }

        if (cancellationToken.CanBeCanceled)
        {
            _registration = cancellationToken.UnsafeRegister(
                static (state, token) => ((AsyncSignal)state!).Cancel(token), this);
        }

        return new ValueTask(this, version);
    }

    void IValueTaskSource.GetResult(short token)
    {
        // Waits for a callback that is running, so that it cannot hit the next wait.
        _registration.Dispose();
        _registration = default;
        _core.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!_isAwaited)
            {
                return;
            }

            _isAwaited = false;
        }

        _core.SetException(new OperationCanceledException(cancellationToken));
    }
}
