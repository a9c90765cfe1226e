using System.Net.Sockets;

namespace Causeway.Forwarding;

/// <summary>
/// Keeps a forwarder from using the process's last file descriptors: the runtime ends the process when it needs one and gets
/// none. Thread-safe.
/// </summary>
/// <remarks>
/// A descriptor is the lowest number that is free, so that one with a high number says how many are in use at least, whoever
/// uses them. Where the system has no limit, or handles are no such numbers, the gate is always open.
/// <code>
/// open --a socket with a number of the reserve--> closed --a probe gets a lower one--> open
/// </code>
/// </remarks>
internal sealed class DescriptorGate
{
    // What the rest of the process may need at once: names that are looked up, log files, sockets towards a server.
    private const int LeastReserve = 16;
    private const int MostReserve = 64;
    private const int ReservePart = 8;

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);

    private readonly TimeProvider _time;
    private readonly Func<int?> _limit;
    private readonly Func<Socket, int> _number;
    private int _isClosed;

    public DescriptorGate(TimeProvider time)
        : this(time, static () => OpenFileLimit.Current, NumberOf)
    {
    }

    /// <summary>Makes a gate for tests.</summary>
    internal DescriptorGate(TimeProvider time, Func<int?> limit, Func<Socket, int> number)
    {
        _time = time;
        _limit = limit;
        _number = number;
    }

    /// <summary>The limit of the process; null if there is none.</summary>
    public int? Limit => _limit();

    public bool IsClosed => Volatile.Read(ref _isClosed) != 0;

    /// <summary>How many sockets can be opened from now on before the gate closes; null if there is no limit.</summary>
    public int? Room => Line is { } line ? Math.Max(0, line - Probe()) : null;

    /// <summary>The first number of the reserve.</summary>
    private int? Line => _limit() is { } limit ? limit - Math.Clamp(limit / ReservePart, LeastReserve, MostReserve) : null;

    /// <summary>Looks at a new socket; the gate closes if it is one of the reserve.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="hasJustClosed">Whether that is news.</param>
    /// <returns>False if it is one of the reserve.</returns>
    public bool Pass(Socket socket, out bool hasJustClosed)
    {
        hasJustClosed = false;
        if (Line is not { } line || _number(socket) < line)
        {
            return true;
        }

        hasJustClosed = Close();
        return false;
    }

    /// <summary>
    /// The same before there is a socket: one whose number was looked at can no longer try the addresses of a name in turn.
    /// </summary>
    public bool Pass(out bool hasJustClosed)
    {
        hasJustClosed = false;
        if (Line is not { } line || Probe() < line)
        {
            return true;
        }

        hasJustClosed = Close();
        return false;
    }

    /// <summary>Closes the gate, because the system gave no descriptor.</summary>
    /// <returns>Whether it was open.</returns>
    public bool Close() => Interlocked.Exchange(ref _isClosed, 1) == 0;

    /// <summary>Waits until it is open.</summary>
    public ValueTask WaitAsync(CancellationToken cancellationToken) => IsClosed ? WaitForRoomAsync(cancellationToken) : default;

    private static int NumberOf(Socket socket) => (int)socket.SafeHandle.DangerousGetHandle();

    private async ValueTask WaitForRoomAsync(CancellationToken cancellationToken)
    {
        while (IsClosed && !TryOpen())
        {
            await Task.Delay(s_look, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private bool TryOpen()
    {
        if (Line is { } line && Probe() >= line)
        {
            return false;
        }

        Volatile.Write(ref _isClosed, 0);
        return true;
    }

    /// <summary>The number that the next descriptor has; the highest if there is none.</summary>
    private int Probe()
    {
        try
        {
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            return _number(socket);
        }
        catch (SocketException)
        {
            return int.MaxValue;
        }
    }
}
