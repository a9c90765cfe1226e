namespace Causeway.Quic.Protection;

/// <summary>What became of a packet that was to be opened.</summary>
internal enum OpenStatus
{
    /// <summary>It is open: header and payload are plain.</summary>
    Opened,

    /// <summary>
    /// It is to be dropped: too short, or not sealed with the keys at hand. Its payload is wiped, its last bytes stay.
    /// </summary>
    Dropped,

    /// <summary>It is open, but a reserved bit is set: PROTOCOL_VIOLATION (RFC 9000, 17.2 and 17.3.1).</summary>
    ReservedBits,

    /// <summary>It shows that the peer breaks the rules of key updates: KEY_UPDATE_ERROR (RFC 9001, 6).</summary>
    KeyUpdateError,

    /// <summary>
    /// Too many packets failed to open: AEAD_LIMIT_REACHED (RFC 9001, 6.6). Nothing more may be opened.
    /// </summary>
    LimitReached,
}

/// <summary>A packet that was opened.</summary>
/// <param name="PacketNumber">Its full number.</param>
/// <param name="PayloadOffset">Where its frames begin.</param>
/// <param name="PayloadLength">Bytes of its frames; 0 is a PROTOCOL_VIOLATION (RFC 9000, 12.4).</param>
/// <param name="KeyGeneration">How many key updates its keys have behind them.</param>
/// <param name="IsFirstOfGeneration">
/// Whether it is the first one that was opened with keys of this generation. After an update, that starts the time
/// after which <see cref="ApplicationKeys.DiscardPreviousKeys"/> is due.
/// </param>
internal readonly record struct OpenedPacket(
    long PacketNumber, int PayloadOffset, int PayloadLength, long KeyGeneration, bool IsFirstOfGeneration);
