namespace Causeway.Kcp.Arq;

/// <summary>What is written and not yet passed by the peer, and how much of it either side lets be under way.</summary>
internal sealed class SendWindow
{
    // docs/wire/kcptun.md 5.4: what a sender assumes until the peer says otherwise.
    private const int InitialPeer = 32;

    private readonly int _own;

    /// <param name="ring">The segments.</param>
    /// <param name="own">What this side lets be unacknowledged, in segments.</param>
    public SendWindow(SendRing ring, int own)
    {
        Ring = ring;
        _own = own;
    }

    /// <summary>The segments.</summary>
    public SendRing Ring { get; }

    /// <summary>Segments that the peer has room for, as it last told.</summary>
    public int Peer { get; set; } = InitialPeer;

    /// <summary>Segments that may be under way.</summary>
    public int Limit => Math.Min(_own, Peer);

    /// <summary>Segments that may still be written.</summary>
    public int Room => _own - Ring.Count;

    /// <summary>Whether both sides leave room for another segment under way.</summary>
    public bool HasRoom => Ring.SentCount < Limit;
}
