using System.Buffers;
using System.Globalization;

namespace Causeway.Http3.Messages;

/// <summary>Which fields a message may have (RFC 9114, 4.2 and 10.3; RFC 9110, 5).</summary>
internal static class FieldRules
{
    /// <summary>What is counted for each field beside its name and value.</summary>
    public const int FieldOverhead = 32;

    // Tokens without upper-case letters.
    private static readonly SearchValues<char> s_nameCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> s_methodCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    /// <summary>Whether a name is a token in lower case.</summary>
    public static bool IsName(ReadOnlySpan<char> name) => !name.IsEmpty && !name.ContainsAnyExcept(s_nameCharacters);

    /// <summary>Whether a text is a method.</summary>
    public static bool IsMethod(ReadOnlySpan<char> method) => !method.IsEmpty && !method.ContainsAnyExcept(s_methodCharacters);

    /// <summary>
    /// Whether a value is field-content: no control characters but tabs, one byte for each character, no white space at its
    /// ends.
    /// </summary>
    public static bool IsValue(ReadOnlySpan<char> value)
    {
        foreach (char c in value)
        {
            if (c is < ' ' and not '\t' or '\x7f' or > '\xff')
            {
                return false;
            }
        }

        return value.IsEmpty || (value[0] is not (' ' or '\t') && value[^1] is not (' ' or '\t'));
    }

    /// <summary>Whether a field may stand in a header or trailer section beside pseudo-header fields.</summary>
    public static bool IsRegular(HttpField field) =>
        IsName(field.Name)
        && IsValue(field.Value)
        && !IsConnectionSpecific(field.Name)
        && (field.Name != "te" || field.Value == "trailers");

    /// <summary>Whether a field concerns one connection of HTTP/1.1 (RFC 9114, 4.2).</summary>
    public static bool IsConnectionSpecific(string name) =>
        name is "connection" or "keep-alive" or "proxy-connection" or "transfer-encoding" or "upgrade";

    /// <summary>The size of a section in bytes, as limits count it (RFC 9114, 4.2.2).</summary>
    public static long SizeOf(List<HttpField> fields)
    {
        long size = 0;
        foreach (HttpField field in fields)
        {
            size += field.Name.Length + field.Value.Length + FieldOverhead;
        }

        return size;
    }

    /// <summary>Whether all fields of a trailer section may stand there: pseudo-header fields may not.</summary>
    public static bool AreTrailers(List<HttpField> fields) => fields.TrueForAll(IsRegular);

    /// <summary>Finds the length of the content that a header section announces.</summary>
    /// <param name="fields">The section.</param>
    /// <param name="length">The length in bytes, or -1.</param>
    /// <returns>False if it is no number, or two of them.</returns>
    public static bool TryGetContentLength(List<HttpField> fields, out long length)
    {
        length = -1;
        foreach (HttpField field in fields)
        {
            if (field.Name != "content-length")
            {
                continue;
            }

            if (!long.TryParse(field.Value, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
                || (length >= 0 && length != value))
            {
                return false;
            }

            length = value;
        }

        return true;
    }
}
