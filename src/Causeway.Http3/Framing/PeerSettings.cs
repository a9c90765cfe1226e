namespace Causeway.Http3.Framing;

/// <summary>The settings of the peer (RFC 9114, 7.2.4; RFC 9204, 5). Those that we do not know are ignored.</summary>
internal readonly record struct PeerSettings(long MaxFieldSectionSize)
{
    /// <summary>The longest payload of a SETTINGS frame that is read; the settings that exist take below 100 bytes.</summary>
    public const int MaxPayload = 4096;

    public const long QpackMaxTableCapacityId = 0x01;
    public const long MaxFieldSectionSizeId = 0x06;
    public const long QpackBlockedStreamsId = 0x07;

    /// <summary>What holds until the peer's SETTINGS frame arrives.</summary>
    public static PeerSettings Initial => new(long.MaxValue);

    /// <summary>Reads a payload.</summary>
    /// <param name="payload">All of it.</param>
    /// <param name="settings">The settings.</param>
    /// <param name="error">H3_FRAME_ERROR if it ends within a setting, H3_SETTINGS_ERROR if a setting may not be there.</param>
    public static bool TryParse(ReadOnlySpan<byte> payload, out PeerSettings settings, out Http3ErrorCode error)
    {
        settings = Initial;
        error = Http3ErrorCode.None;
        HashSet<long> seen = [];
        while (!payload.IsEmpty)
        {
            if (!VarInt.TryRead(payload, out long id, out int idLength)
                || !VarInt.TryRead(payload[idLength..], out long value, out int valueLength))
            {
                error = Http3ErrorCode.FrameError;
                return false;
            }

            payload = payload[(idLength + valueLength)..];

            // Settings of HTTP/2 that HTTP/3 has not: ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE,
            // MAX_FRAME_SIZE (RFC 9114, 7.2.4.1 and 11.2.2).
            if (id is >= 0x02 and <= 0x05 || !seen.Add(id))
            {
                error = Http3ErrorCode.SettingsError;
                return false;
            }

            if (id == MaxFieldSectionSizeId)
            {
                settings = new PeerSettings(value);
            }
        }

        return true;
    }
}
