using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding;

/// <summary>
/// How many connections a forwarder takes on: what its options and the process's descriptors allow, with the log lines about
/// either being used up. Thread-safe.
/// </summary>
internal sealed class ForwardPlaces
{
    // What else comes and goes beside the reserve: a timer, a socket or two that are being replaced.
    private const int Spare = 8;

    private readonly DescriptorGate _descriptors;
    private readonly ILogger _logger;
    private readonly LogThrottle _full;
    private readonly LogThrottle _usedUp;
    private readonly bool _isLimitedBySystem;

    /// <summary>Divides up what the process has.</summary>
    /// <param name="options">The forwarder's.</param>
    /// <param name="others">Descriptors that the forwarder will need for other things than forwards.</param>
    /// <param name="descriptors">What watches the descriptors; null for one of its own.</param>
    public ForwardPlaces(ForwardOptions options, int others, DescriptorGate? descriptors = null)
    {
        _logger = options.Logger;
        _full = new LogThrottle(options.TimeProvider);
        _usedUp = new LogThrottle(options.TimeProvider);
        _descriptors = descriptors ?? new DescriptorGate(options.TimeProvider);
        int room = _descriptors.Room is { } sockets ? Math.Max(1, sockets - others - Spare) : int.MaxValue;
        _isLimitedBySystem = room < options.MaxForwards;
        Table = new ForwardTable(Math.Min(options.MaxForwards, room));
    }

    /// <summary>What is being forwarded.</summary>
    public ForwardTable Table { get; }

    /// <summary>Whether there are no descriptors for another connection.</summary>
    public bool AreDescriptorsUsedUp => _descriptors.IsClosed;

    /// <summary>Waits until there are descriptors for another connection.</summary>
    public ValueTask WaitForDescriptorsAsync(CancellationToken cancellationToken) => _descriptors.WaitAsync(cancellationToken);

    /// <summary>Looks at a new socket, or at what the next one would be; false if it is one that must not be used for long.</summary>
    public bool Pass(Socket? socket)
    {
        bool passes = socket is null ? _descriptors.Pass(out bool hasJustClosed) : _descriptors.Pass(socket, out hasJustClosed);
        if (hasJustClosed)
        {
            LogUsedUp();
        }

        return passes;
    }

    /// <summary>Acts on an error of a socket call: true if it says that there are no descriptors left.</summary>
    public bool IsOutOfDescriptors(SocketException error)
    {
        if (error.SocketErrorCode != SocketError.TooManyOpenSockets)
        {
            return false;
        }

        if (_descriptors.Close())
        {
            LogUsedUp();
        }

        return true;
    }

    /// <summary>Says that all places are taken and more connections wait, if it was not said lately.</summary>
    public void LogFull()
    {
        if (!_full.IsDue())
        {
            return;
        }

        if (_isLimitedBySystem && _descriptors.Limit is { } limit)
        {
            ForwardingLog.OpenFileLimitReached(_logger, Table.Limit, limit);
        }
        else
        {
            ForwardingLog.ForwardLimitReached(_logger, Table.Limit);
        }
    }

    private void LogUsedUp()
    {
        if (_usedUp.IsDue())
        {
            ForwardingLog.OpenFilesUsedUp(_logger, _descriptors.Limit ?? 0);
        }
    }
}
