using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Causeway.Http3.Files;

/// <summary>Turns the target of a request into names of folders and files, none of which leads out of its folder.</summary>
internal static class RequestTarget
{
    /// <summary>The longest target in characters; longer ones name no file.</summary>
    public const int MaxLength = 4096;

    // What Windows takes for a device, whatever the extension.
    private static readonly HashSet<string> s_devices = new(StringComparer.OrdinalIgnoreCase)
    {
        "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$",
        "COM0", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9",
        "LPT0", "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
    };

    // Separators and what has a meaning of its own on some system.
    private static readonly SearchValues<char> s_forbidden = SearchValues.Create("/\\:*?\"<>|");

    /// <summary>Splits a target at its slashes.</summary>
    /// <param name="target">Path and query, percent-encoded (RFC 3986, 3.3).</param>
    /// <param name="names">The decoded names; the last one is empty if the path ends in a slash.</param>
    /// <returns>
    /// False if the target does not begin with a slash, is not UTF-8, or has a name that no served file may have: one that
    /// begins with a dot (among them "." and ".."), or that a system reads as anything but a plain name.
    /// </returns>
    public static bool TrySplit(string target, out List<string> names)
    {
        names = [];
        if (target.Length is 0 or > MaxLength || target[0] != '/')
        {
            return false;
        }

        int end = target.AsSpan().IndexOfAny('?', '#');
        string[] segments = (end < 0 ? target : target[..end])[1..].Split('/');
        for (int i = 0; i < segments.Length; i++)
        {
            // Decoded after the split: an encoded slash is part of a name, and no name may have one.
            bool isFolder = segments[i].Length == 0 && i == segments.Length - 1;
            if (!TryDecode(segments[i], out string name) || (!isFolder && !IsPlain(name)))
            {
                return false;
            }

            names.Add(name);
        }

        return true;
    }

    private static bool TryDecode(string segment, out string name)
    {
        name = "";
        byte[] bytes = new byte[segment.Length];
        int length = 0;
        for (int i = 0; i < segment.Length; i++)
        {
            char c = segment[i];
            if (c != '%')
            {
                if (c > 0xff)
                {
                    return false;
                }

                bytes[length++] = (byte)c;
            }
            else if (i + 2 < segment.Length
                && byte.TryParse(segment.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                bytes[length++] = value;
                i += 2;
            }
            else
            {
                return false;
            }
        }

        if (!Utf8.IsValid(bytes.AsSpan(0, length)))
        {
            return false;
        }

        name = Encoding.UTF8.GetString(bytes, 0, length);
        return true;
    }

    private static bool IsPlain(string name)
    {
        if (name.Length is 0 or > 255 || name[0] == '.' || name[^1] is '.' or ' ' || name.AsSpan().ContainsAny(s_forbidden))
        {
            return false;
        }

        foreach (char c in name)
        {
            if (char.IsControl(c))
            {
                return false;
            }
        }

        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return !s_devices.Contains((dot < 0 ? name : name[..dot]).TrimEnd(' '));
    }
}
