using System.Buffers;
using System.Text;
using Causeway.Http3.Messages;

namespace Causeway.Http3.Qpack;

/// <summary>How decoding a field section ended.</summary>
internal enum QpackStatus
{
    Decoded,

    /// <summary>QPACK_DECOMPRESSION_FAILED: not a section, or one that references a dynamic table, which we never offer.</summary>
    Failed,

    /// <summary>The fields take more than the limit.</summary>
    TooLarge,
}

/// <summary>
/// Decodes field sections (RFC 9204, 4.5) of a peer that was told SETTINGS_QPACK_MAX_TABLE_CAPACITY = 0: any reference to the
/// dynamic table is an error.
/// </summary>
internal static class QpackDecoder
{
    /// <summary>Decodes a section.</summary>
    /// <param name="section">The payload of a HEADERS frame.</param>
    /// <param name="maxSize">The limit in bytes, counted as in RFC 9114, 4.2.2.</param>
    /// <param name="fields">Takes the fields; after a failure, those before it.</param>
    public static QpackStatus Decode(ReadOnlySpan<byte> section, int maxSize, List<HttpField> fields)
    {
        // Required Insert Count must be 0, since there are no inserts. A sign bit would make Base negative (4.5.1.2).
        if (!PrefixedInteger.TryRead(ref section, 8, out long requiredInsertCount)
            || requiredInsertCount != 0
            || section.IsEmpty
            || section[0] >= 0x80
            || !PrefixedInteger.TryRead(ref section, 7, out _))
        {
            return QpackStatus.Failed;
        }

        long size = 0;
        while (!section.IsEmpty)
        {
            QpackStatus status = DecodeField(ref section, maxSize, out HttpField field);
            if (status != QpackStatus.Decoded)
            {
                return status;
            }

            size += field.Name.Length + field.Value.Length + FieldRules.FieldOverhead;
            if (size > maxSize)
            {
                return QpackStatus.TooLarge;
            }

            fields.Add(field);
        }

        return QpackStatus.Decoded;
    }

    private static QpackStatus DecodeField(ref ReadOnlySpan<byte> section, int maxSize, out HttpField field)
    {
        byte first = section[0];
        field = default;
        if (first >= 0b1000_0000)
        {
            // Indexed field line (4.5.2).
            return (first & 0b0100_0000) != 0
                && PrefixedInteger.TryRead(ref section, 6, out long index)
                && StaticTable.TryGet(index, out field)
                    ? QpackStatus.Decoded
                    : QpackStatus.Failed;
        }

        string? name;
        if (first >= 0b0100_0000)
        {
            // Literal field line with name reference (4.5.4).
            if ((first & 0b0001_0000) == 0
                || !PrefixedInteger.TryRead(ref section, 4, out long index)
                || !StaticTable.TryGet(index, out HttpField named))
            {
                return QpackStatus.Failed;
            }

            name = named.Name;
        }
        else if (first >= 0b0010_0000)
        {
            // Literal field line with literal name (4.5.6).
            QpackStatus nameStatus = DecodeString(ref section, 3, maxSize, out name);
            if (nameStatus != QpackStatus.Decoded)
            {
                return nameStatus;
            }
        }
        else
        {
            // Both forms with a post-base index reference the dynamic table (4.5.3, 4.5.5).
            return QpackStatus.Failed;
        }

        QpackStatus valueStatus = DecodeString(ref section, 7, maxSize, out string value);
        field = new HttpField(name, value);
        return valueStatus;
    }

    private static QpackStatus DecodeString(ref ReadOnlySpan<byte> section, int prefixBits, int maxSize, out string text)
    {
        text = "";
        bool isHuffman = !section.IsEmpty && (section[0] & (1 << prefixBits)) != 0;
        if (!PrefixedInteger.TryRead(ref section, prefixBits, out long length) || length > section.Length)
        {
            return QpackStatus.Failed;
        }

        ReadOnlySpan<byte> encoded = section[..(int)length];
        section = section[(int)length..];
        if (!isHuffman)
        {
            if (length > maxSize)
            {
                return QpackStatus.TooLarge;
            }

            text = Encoding.Latin1.GetString(encoded);
            return QpackStatus.Decoded;
        }

        byte[] decoded = ArrayPool<byte>.Shared.Rent(Huffman.MaxDecodedLength(encoded.Length));
        bool isValid = Huffman.TryDecode(encoded, decoded, out int decodedLength);
        if (isValid && decodedLength <= maxSize)
        {
            text = Encoding.Latin1.GetString(decoded, 0, decodedLength);
        }

        ArrayPool<byte>.Shared.Return(decoded);
        return !isValid ? QpackStatus.Failed : decodedLength > maxSize ? QpackStatus.TooLarge : QpackStatus.Decoded;
    }
}
