namespace Causeway.Forwarding;

/// <summary>
/// Slows an accept loop down while accepting fails, as it does when the process is out of file descriptors: the reference
/// spins and fills its log (docs/wire/kcptun.md 12).
/// </summary>
internal sealed class AcceptBackoff
{
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_last = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private TimeSpan _next = s_first;

    public AcceptBackoff(TimeProvider time) => _time = time;

    public void Reset() => _next = s_first;

    public Task WaitAsync(CancellationToken cancellationToken)
    {
        TimeSpan wait = _next;
        _next = wait * 2 < s_last ? wait * 2 : s_last;
        return Task.Delay(wait, _time, cancellationToken);
    }
}
