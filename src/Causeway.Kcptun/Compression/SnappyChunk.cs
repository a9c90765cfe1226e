namespace Causeway.Kcptun.Compression;

/// <summary>Constants of snappy's framing format (docs/wire/kcptun.md 8; google/snappy, framing_format.txt).</summary>
internal static class SnappyChunk
{
    /// <summary>A compressed block follows the checksum.</summary>
    public const byte Compressed = 0x00;

    /// <summary>Plain bytes follow the checksum.</summary>
    public const byte Stored = 0x01;

    /// <summary>
    /// From here to <see cref="LastSkippable"/> a decoder skips what it does not know; below, it fails.
    /// </summary>
    public const byte FirstSkippable = 0x80;

    /// <summary>Padding, the last type that is skipped.</summary>
    public const byte LastSkippable = 0xFE;

    /// <summary>The type byte of the stream identifier.</summary>
    public const byte Identifier = 0xFF;

    /// <summary>A type byte and a length of three bytes.</summary>
    public const int HeaderLength = 4;

    /// <summary>The masked CRC-32C that a data chunk's length includes.</summary>
    public const int ChecksumLength = 4;

    /// <summary>The most plain bytes in a chunk.</summary>
    public const int MaxPlain = SnappyBlockEncoder.MaxBlock;

    /// <summary>The identifier with its header, which starts a stream.</summary>
    public static ReadOnlySpan<byte> StreamIdentifier =>
        [Identifier, 6, 0, 0, (byte)'s', (byte)'N', (byte)'a', (byte)'P', (byte)'p', (byte)'Y'];
}
