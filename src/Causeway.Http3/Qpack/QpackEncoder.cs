using System.Buffers;
using System.Text;

namespace Causeway.Http3.Qpack;

/// <summary>
/// Encodes field sections without a dynamic table (RFC 9204, 4.5): entries and names of the static table where it has them,
/// literals otherwise, with the Huffman code where that is shorter.
/// </summary>
internal static class QpackEncoder
{
    // The longest string that is kept on the stack while it is encoded.
    private const int StackLimit = 256;

    /// <summary>Appends the encoded section.</summary>
    /// <param name="fields">Names in lower case; names and values in ISO 8859-1.</param>
    /// <param name="output">Where to.</param>
    public static void Encode(IEnumerable<HttpField> fields, ArrayBufferWriter<byte> output)
    {
        // The prefix: Required Insert Count and Delta Base are 0, since no entry of the dynamic table is referenced.
        output.Write<byte>([0, 0]);
        foreach (HttpField field in fields)
        {
            EncodeField(field, output);
        }
    }

    private static void EncodeField(HttpField field, ArrayBufferWriter<byte> output)
    {
        int index = StaticTable.IndexOf(field);
        if (index >= 0)
        {
            PrefixedInteger.Write(output, 0b1100_0000, 6, index);
            return;
        }

        bool secret = IsSecret(field.Name);
        index = StaticTable.IndexOfName(field.Name);
        if (index >= 0)
        {
            PrefixedInteger.Write(output, (byte)(secret ? 0b0111_0000 : 0b0101_0000), 4, index);
        }
        else
        {
            EncodeString(field.Name, (byte)(secret ? 0b0011_0000 : 0b0010_0000), 3, output);
        }

        EncodeString(field.Value, 0, 7, output);
    }

    // An intermediary must keep these out of its dynamic table, where their compression would reveal them (RFC 9204, 7.1.3).
    private static bool IsSecret(string name) => name is "authorization" or "proxy-authorization" or "cookie" or "set-cookie";

    private static void EncodeString(string text, byte pattern, int prefixBits, ArrayBufferWriter<byte> output)
    {
        byte[]? rented = text.Length > StackLimit ? ArrayPool<byte>.Shared.Rent(text.Length) : null;
        Span<byte> bytes = rented ?? stackalloc byte[StackLimit];
        bytes = bytes[..Encoding.Latin1.GetBytes(text, bytes)];
        int encodedLength = Huffman.EncodedLength(bytes);
        if (encodedLength < bytes.Length)
        {
            PrefixedInteger.Write(output, (byte)(pattern | (1 << prefixBits)), prefixBits, encodedLength);
            Huffman.Encode(bytes, output.GetSpan(encodedLength)[..encodedLength]);
            output.Advance(encodedLength);
        }
        else
        {
            PrefixedInteger.Write(output, pattern, prefixBits, bytes.Length);
            output.Write(bytes);
        }

        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
