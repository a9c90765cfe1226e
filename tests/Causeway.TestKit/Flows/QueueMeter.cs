using Causeway.Protocol;
using Causeway.Testing;

namespace Causeway.TestKit;

/// <summary>
/// How long the datagrams that enter a link of limited rate wait in its queue: the bytes that each of them finds there, as
/// time at the link's rate, also of those that then find no room.
/// </summary>
public sealed class QueueMeter
{
    private readonly FaultModel _link;

    /// <summary>Makes a meter.</summary>
    public QueueMeter(FaultModel link)
    {
        ArgumentNullException.ThrowIfNull(link);
        _link = link;
    }

    /// <summary>The waiting times in microseconds since the meter was made or cleared.</summary>
    public Distribution Microseconds { get; } = new();

    /// <summary>Samples each datagram that enters a path, which begins with the link.</summary>
    /// <exception cref="ArgumentException">The path begins with another link, or somebody watches it already.</exception>
    public void Watch(SimulatedPath path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!path.Links.Contains(_link) || path.OnDatagram is not null)
        {
            throw new ArgumentException($"The path {path} begins with another link or is watched already.", nameof(path));
        }

        path.OnDatagram = Sample;
    }

    private DatagramVerdict Sample(SimulatedPath path, PacketBuffer datagram, Timestamp now)
    {
        long rate = _link.Options.RateBitsPerSecond;
        Microseconds.Add(rate > 0 ? _link.GetQueuedBytes(now) * 8_000_000 / rate : 0);
        return DatagramVerdict.Pass;
    }
}
