using Causeway.Kcp.Arq;
using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>When something happens, and its place among what happens then: in the order in which it was planned.</summary>
internal readonly record struct Moment(long Microseconds, long Order) : IComparable<Moment>
{
    public static Moment Never => new(long.MaxValue, long.MaxValue);

    public int CompareTo(Moment other)
    {
        int byTime = Microseconds.CompareTo(other.Microseconds);
        return byTime != 0 ? byTime : Order.CompareTo(other.Order);
    }
}

/// <summary>A datagram on its way: when it arrives, for whom, and which link of its path comes next.</summary>
internal readonly record struct Transit(Moment Arrival, PacketBuffer? Datagram, PeerAddress Destination, int Link);
