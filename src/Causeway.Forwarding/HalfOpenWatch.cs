using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;

namespace Causeway.Forwarding;

/// <summary>
/// Looks after sockets whose end was read while the other direction is open: no read is pending there, so that nobody would
/// hear of a reset before something is written. One timer for the process, which runs while there are such sockets.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "There is one for the process, and it ends with that.")]
internal sealed class HalfOpenWatch
{
    /// <summary>How often the sockets are looked at: one system call each.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly HashSet<Entry> _entries = [];
    private readonly Timer _timer;

    private HalfOpenWatch() => _timer = new Timer(static state => ((HalfOpenWatch)state!).Look(), this, Timeout.Infinite, Timeout.Infinite);

    /// <summary>That of the process.</summary>
    public static HalfOpenWatch Shared { get; } = new();

    /// <summary>Sockets that are looked after.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Looks after a socket until the result is disposed.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="onBroken">Called at most once, on a thread of the pool.</param>
    public IDisposable Add(Socket socket, Action onBroken)
    {
        Entry entry = new(this, socket, onBroken);
        lock (_gate)
        {
            _entries.Add(entry);
            if (_entries.Count == 1)
            {
                _timer.Change(Period, Period);
            }
        }

        return entry;
    }

    private void Look()
    {
        Entry[] entries;
        lock (_gate)
        {
            entries = [.. _entries];
        }

        foreach (Entry entry in entries)
        {
            if (SocketHealth.IsBroken(entry.Socket) && Remove(entry))
            {
                entry.OnBroken();
            }
        }
    }

    private bool Remove(Entry entry)
    {
        lock (_gate)
        {
            bool removed = _entries.Remove(entry);
            if (removed && _entries.Count == 0)
            {
                _timer.Change(Timeout.Infinite, Timeout.Infinite);
            }

            return removed;
        }
    }

    private sealed class Entry(HalfOpenWatch watch, Socket socket, Action onBroken) : IDisposable
    {
        public Socket Socket => socket;

        public Action OnBroken => onBroken;

        public void Dispose() => watch.Remove(this);
    }
}
