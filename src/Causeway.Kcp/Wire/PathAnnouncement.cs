namespace Causeway.Kcp.Wire;

/// <summary>
/// "I understand reports of the path, and send with these shard counts": the peer need not find them out
/// (docs/wire/kcptun.md 4.7) and reports from now on. Both counts are 0 if no error correction is used.
/// </summary>
internal readonly record struct PathAnnouncement(byte DataShards, byte ParityShards)
{
    /// <summary>Bytes on the wire; what follows them is skipped.</summary>
    public const int Size = PathExtension.HeaderSize + 2;

    /// <summary>Whether the counts are those of a code, or none.</summary>
    public bool IsValid => (DataShards == 0) == (ParityShards == 0) && DataShards + ParityShards <= ReedSolomon.MaxShards;

    /// <summary>Reads the fields of a payload of this kind.</summary>
    public static PathAnnouncement Read(ReadOnlySpan<byte> payload) =>
        new(payload[PathExtension.HeaderSize], payload[PathExtension.HeaderSize + 1]);

    /// <summary>Writes mark and fields.</summary>
    public void Write(Span<byte> destination)
    {
        PathExtension.WriteHeader(destination, PathExtensionKind.Announcement);
        destination[PathExtension.HeaderSize] = DataShards;
        destination[PathExtension.HeaderSize + 1] = ParityShards;
    }
}
