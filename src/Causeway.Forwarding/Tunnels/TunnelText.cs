using System.Net.Sockets;

namespace Causeway.Forwarding.Tunnels;

/// <summary>What the texts of rules and forwards have in common.</summary>
internal static class TunnelText
{
    /// <summary>Takes <c>tcp:</c> or <c>udp:</c> off the front.</summary>
    /// <param name="text">The text.</param>
    /// <param name="protocol">Null if there is neither.</param>
    public static string TakeProtocol(string text, out ProtocolType? protocol)
    {
        protocol = text.StartsWith("tcp:", StringComparison.OrdinalIgnoreCase) ? ProtocolType.Tcp
            : text.StartsWith("udp:", StringComparison.OrdinalIgnoreCase) ? ProtocolType.Udp
            : null;
        return protocol is null ? text : text[4..];
    }

    /// <summary>Parts a host, which may stand in brackets, from what follows its colon; null if nothing does.</summary>
    /// <exception cref="FormatException">A host with colons has no brackets.</exception>
    public static (string Host, string? Ports) SplitHost(string text)
    {
        if (text.StartsWith('['))
        {
            int end = text.IndexOf(']', StringComparison.Ordinal);
            if (end > 0 && end + 1 < text.Length && text[end + 1] == ':')
            {
                return (text[1..end], text[(end + 2)..]);
            }

            if (end == text.Length - 1)
            {
                return (text[1..end], null);
            }

            throw new FormatException($"\"{text}\" has a bracket that is not closed before a colon.");
        }

        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon >= 0 && text.IndexOf(':', colon + 1) >= 0)
        {
            throw new FormatException($"\"{text}\" has more colons than host and port need; an IPv6 address stands in brackets.");
        }

        return colon < 0 ? (text, null) : (text[..colon], text[(colon + 1)..]);
    }

    /// <summary>Parts a text at its colons, but for those in brackets; the brackets stay.</summary>
    public static List<string> SplitAtColons(string text)
    {
        List<string> parts = [];
        int begin = 0;
        bool isInBrackets = false;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || (text[i] == ':' && !isInBrackets))
            {
                parts.Add(text[begin..i]);
                begin = i + 1;
            }
            else if (text[i] is '[' or ']')
            {
                isInBrackets = text[i] == '[';
            }
        }

        return parts;
    }
}
