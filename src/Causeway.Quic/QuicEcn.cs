using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <summary>
/// Whether the path and the peer carry ECN marks (RFC 9000, 13.4.2): some packets leave capable of them, and what the peer
/// counts has to fit.
/// </summary>
internal sealed class QuicEcn
{
    // RFC 9000, A.4.
    private const int TestPackets = 10;

    private readonly EcnCounts[] _reported = new EcnCounts[PacketSpaces.Count];
    private int _tested;
    private State _state = State.Off;

    private enum State
    {
        /// <summary>Nobody asked for it.</summary>
        Off,

        /// <summary>The first packets leave capable.</summary>
        Testing,

        /// <summary>They left, and nothing was heard of them.</summary>
        Unknown,

        /// <summary>The peer counts them.</summary>
        Capable,

        /// <summary>The peer does not, or the path changes them.</summary>
        Failed,
    }

    /// <summary>Whether datagrams leave capable of marks.</summary>
    public bool IsNextCapable => _state is State.Testing or State.Capable;

    /// <summary>Whether it was found to work.</summary>
    public bool IsCapable => _state == State.Capable;

    /// <summary>Begins to try, on a new path anew; only for a controller that answers marks.</summary>
    public void Begin()
    {
        _state = State.Testing;
        _tested = 0;
    }

    /// <summary>A packet leaves.</summary>
    public void OnSent()
    {
        if (_state == State.Testing && ++_tested >= TestPackets)
        {
            _state = State.Unknown;
        }
    }

    /// <summary>The peer acknowledged packets.</summary>
    /// <param name="space">Where.</param>
    /// <param name="counts">What it counted in all; null if it does not.</param>
    /// <param name="newlyCapable">Packets among those newly acknowledged that left capable.</param>
    /// <returns>How many were newly marked as having met congestion.</returns>
    public int OnAck(PacketSpaceId space, EcnCounts? counts, int newlyCapable)
    {
        if (_state is State.Off or State.Failed)
        {
            return 0;
        }

        if (counts is not { } now)
        {
            _state = newlyCapable > 0 ? State.Failed : _state;
            return 0;
        }

        EcnCounts before = _reported[(int)space];
        long marked = now.CongestionExperienced - before.CongestionExperienced;
        long capable = now.Ect0 - before.Ect0;
        if (marked < 0 || capable < 0 || now.Ect1 > before.Ect1 || marked + capable < newlyCapable)
        {
            // ACK frames that overtake each other count less than those before.
            bool isOld = marked <= 0 && capable <= 0 && newlyCapable == 0;
            _state = isOld ? _state : State.Failed;
            return 0;
        }

        _reported[(int)space] = now;
        _state = newlyCapable > 0 ? State.Capable : _state;
        return (int)Math.Min(marked, int.MaxValue);
    }
}
