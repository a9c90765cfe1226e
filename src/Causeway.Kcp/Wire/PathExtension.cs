namespace Causeway.Kcp.Wire;

/// <summary>
/// What two ends of this library tell each other of the path, in the payload of a window report, which other
/// implementations skip (docs/wire/kcptun.md 5.6; docs/design/path-report.md).
/// </summary>
internal static class PathExtension
{
    /// <summary>Bytes in front of the fields: a mark, and what follows.</summary>
    public const int HeaderSize = 2;

    /// <summary>Bytes of the largest payload.</summary>
    public const int MaxSize = PathReport.Size;

    // Nothing that is known puts a payload there, so one byte tells ours well enough; the fields are checked besides.
    private const byte Mark = 0xCA;

    /// <summary>Version in the upper, kind in the lower half of the second byte.</summary>
    public static PathExtensionKind ReadKind(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < HeaderSize || payload[0] != Mark)
        {
            return PathExtensionKind.None;
        }

        return (PathExtensionKind)payload[1] switch
        {
            PathExtensionKind.Announcement when payload.Length >= PathAnnouncement.Size => PathExtensionKind.Announcement,
            PathExtensionKind.Report when payload.Length >= PathReport.Size => PathExtensionKind.Report,
            PathExtensionKind.Goodbye when payload.Length >= HeaderSize + 2 => PathExtensionKind.Goodbye,
            _ => PathExtensionKind.None,
        };
    }

    public static void WriteHeader(Span<byte> destination, PathExtensionKind kind)
    {
        destination[0] = Mark;
        destination[1] = (byte)kind;
    }
}

/// <summary>What a payload is.</summary>
internal enum PathExtensionKind : byte
{
    /// <summary>Nothing that is understood here.</summary>
    None = 0,

    /// <summary>A <see cref="PathAnnouncement"/>, version 1.</summary>
    Announcement = 0x11,

    /// <summary>A <see cref="PathReport"/>, version 1.</summary>
    Report = 0x12,

    /// <summary>A <see cref="Wire.Goodbye"/>, version 1; 13 is taken by <see cref="AckRanges"/>.</summary>
    Goodbye = 0x14,
}
