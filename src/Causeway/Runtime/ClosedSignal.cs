namespace Causeway.Runtime;

/// <summary>
/// The end of something, as a task that exists only if somebody asks for it. The first end is the one that counts, and one that
/// nobody asks about is no unobserved exception. Thread-safe; a mutable struct, so never readonly.
/// </summary>
internal struct ClosedSignal
{
    private static readonly object s_inOrder = new();

    // Null while open and not asked for; then a TaskCompletionSource, or how it ended.
    private object? _state;

    /// <summary>Completes with the end; fails with its reason if it was none in order.</summary>
    public Task Task
    {
        get
        {
            object? state = Volatile.Read(ref _state);
            if (state is null)
            {
                TaskCompletionSource made = new(TaskCreationOptions.RunContinuationsAsynchronously);
                state = Interlocked.CompareExchange(ref _state, made, null) ?? made;
            }

            return state switch
            {
                TaskCompletionSource asked => asked.Task,
                Exception error => Observed(Task.FromException(error)),
                _ => Task.CompletedTask,
            };
        }
    }

    /// <summary>Ends it, unless it has ended before.</summary>
    public void Complete(Exception? error)
    {
        object? state = Interlocked.CompareExchange(ref _state, error ?? s_inOrder, null);
        if (state is not TaskCompletionSource asked)
        {
            return;
        }

        if (error is null)
        {
            asked.TrySetResult();
        }
        else if (asked.TrySetException(error))
        {
            _ = Observed(asked.Task);
        }
    }

    private static Task Observed(Task failed)
    {
        _ = failed.Exception;
        return failed;
    }
}
