namespace Causeway.Protocol.Recovery;

/// <summary>
/// What recovery has to know of something that was sent and may be sent again. An engine derives what it keeps besides.
/// </summary>
internal abstract class SentPacket
{
    /// <summary>Number of the newest transmission; numbers grow over the session and order all transmissions.</summary>
    public long Transmission { get; set; }

    /// <summary>When it was last sent.</summary>
    public Timestamp SentAt { get; set; }

    /// <summary>The state of things at its newest transmission.</summary>
    public TransmissionRecord Record { get; set; }

    /// <summary>Payload bytes.</summary>
    public abstract int Length { get; }
}
