using System.Buffers;
using System.Text;
using Causeway.Http3.Files;

namespace Causeway.Http3.Hq;

/// <summary>
/// The request of HTTP/0.9 as "hq-interop" has it: "GET", a space, the target, then CR LF, LF, or the end of the stream. No
/// version, no header fields.
/// </summary>
internal static class HqRequest
{
    /// <summary>Bytes of the longest request line.</summary>
    public const int MaxLength = RequestTarget.MaxLength + 6;

    // Visible ASCII: neither spaces, which would begin a version, nor control characters.
    private static readonly SearchValues<byte> s_targetBytes =
        SearchValues.Create([.. Enumerable.Range('!', '~' - '!' + 1).Select(static c => (byte)c)]);

    /// <summary>Writes a request.</summary>
    /// <exception cref="ArgumentException">The target does not begin with a slash, is too long, or has other characters.</exception>
    public static byte[] Format(string target)
    {
        byte[] bytes = Encoding.Latin1.GetBytes($"GET {target}\r\n");
        return TryParse(bytes, out string parsed) && parsed == target
            ? bytes
            : throw new ArgumentException("The path must begin with '/' and be percent-encoded.", nameof(target));
    }

    /// <summary>Reads a request.</summary>
    /// <param name="line">All bytes up to the line's end, or all that came before the stream's end.</param>
    /// <param name="target">The target.</param>
    /// <returns>False if it is none.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out string target)
    {
        target = "";
        ReadOnlySpan<byte> rest = line.TrimEnd("\n"u8).TrimEnd("\r"u8);
        if (!rest.StartsWith("GET /"u8) || rest.Length > MaxLength - 2)
        {
            return false;
        }

        rest = rest[4..];
        if (rest.ContainsAnyExcept(s_targetBytes))
        {
            return false;
        }

        target = Encoding.ASCII.GetString(rest);
        return true;
    }
}
