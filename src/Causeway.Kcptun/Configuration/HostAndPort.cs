using System.Globalization;

namespace Causeway.Kcptun.Configuration;

/// <summary>The syntax that both kinds of address share.</summary>
internal static class HostAndPort
{
    /// <summary>
    /// Splits <c>host:rest</c> or <c>[host]:rest</c>; a host without brackets has no colon and no blank.
    /// </summary>
    public static bool TrySplit(string value, out string host, out string port)
    {
        host = "";
        port = "";
        int colon = value.LastIndexOf(':');
        if (colon < 0)
        {
            return false;
        }

        ReadOnlySpan<char> name = value.AsSpan(0, colon);
        if (name is ['[', .. var inner, ']'])
        {
            name = inner;
            if (name.IsEmpty)
            {
                return false;
            }
        }
        else if (name.Contains(':'))
        {
            return false;
        }

        foreach (char c in name)
        {
            if (c is '[' or ']' || char.IsWhiteSpace(c) || char.IsControl(c))
            {
                return false;
            }
        }

        host = name.ToString();
        port = value[(colon + 1)..];
        return true;
    }

    /// <summary>One to five digits, at most 65535.</summary>
    public static bool TryParsePort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port)
        && text.Length <= 5
        && port <= 65535;

    /// <summary>The host with brackets if it needs them.</summary>
    public static string Bracket(string host) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;
}
