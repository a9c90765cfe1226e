using Causeway.Quic.Wire;

namespace Causeway.Quic.Paths;

/// <summary>A way to the peer, and what was proved of it (RFC 9000, 8).</summary>
internal sealed class QuicPath(DatagramPath address)
{
    // RFC 9000, 8.1.
    private const int Amplification = 3;

    /// <summary>The addresses.</summary>
    public DatagramPath Address { get; set; } = address;

    /// <summary>Whether the peer has shown that it receives at its address.</summary>
    public bool IsValidated { get; set; }

    /// <summary>Bytes that came from there.</summary>
    public long Received { get; set; }

    /// <summary>Bytes that went there.</summary>
    public long Sent { get; set; }

    /// <summary>Bytes that may go there now.</summary>
    public long Allowance => IsValidated ? long.MaxValue : Math.Max(0, (Amplification * Received) - Sent);

    /// <summary>What the peer has to send back, once <see cref="HasChallenge"/>.</summary>
    public ulong Challenge { get; set; }

    /// <summary>Whether a challenge was made and not answered.</summary>
    public bool HasChallenge { get; set; }

    /// <summary>Whether a PATH_CHALLENGE is to be sent.</summary>
    public bool IsChallengeDue { get; set; }

    /// <summary>When the challenge goes again, unless it is answered.</summary>
    public Timestamp ChallengeAgainAt { get; set; } = Timestamp.Never;

    /// <summary>When the path is given up, unless the challenge is answered.</summary>
    public Timestamp FailsAt { get; set; } = Timestamp.Never;

    /// <summary>Whether the peer's host changed with it, and not only the port: what was learned of the old path is void.</summary>
    public bool IsOtherHost { get; init; }

    /// <summary>The peer's connection id to use there, while it is only probed; null for the one that is current.</summary>
    public ConnectionId? PeerId { get; set; }

    /// <summary>Whether a PATH_RESPONSE is to be sent there, and with what.</summary>
    public ulong? Response { get; set; }

    /// <summary>Asks for a proof.</summary>
    public void BeginValidation(ulong challenge, Timestamp failsAt)
    {
        Challenge = challenge;
        HasChallenge = true;
        IsChallengeDue = true;
        FailsAt = failsAt;
    }

    /// <summary>The proof came.</summary>
    public void OnValidated()
    {
        IsValidated = true;
        HasChallenge = false;
        IsChallengeDue = false;
        ChallengeAgainAt = Timestamp.Never;
        FailsAt = Timestamp.Never;
    }

    /// <summary>This side did not run for so long: the peer is given that time on top.</summary>
    public void Shift(long microseconds)
    {
        FailsAt = FailsAt.IsNever ? FailsAt : FailsAt.AddMicroseconds(microseconds);
        ChallengeAgainAt = ChallengeAgainAt.IsNever ? ChallengeAgainAt : ChallengeAgainAt.AddMicroseconds(microseconds);
    }
}
