using System.Globalization;

namespace Causeway.Forwarding.Tunnels;

/// <summary>Ports of a rule: <c>80</c>, <c>8000-8100</c>, several of them with commas, or <c>*</c>.</summary>
internal sealed class PortSet
{
    private readonly (int First, int Last)[] _ranges;

    private PortSet((int First, int Last)[] ranges) => _ranges = ranges;

    /// <summary>Parses a set.</summary>
    /// <exception cref="FormatException">It has another form.</exception>
    public static PortSet Parse(string text) =>
        new(text == "*" ? [(0, ushort.MaxValue)] : Array.ConvertAll(text.Split(','), ParseRange));

    public bool Contains(int port) => Array.Exists(_ranges, range => port >= range.First && port <= range.Last);

    private static (int First, int Last) ParseRange(string text)
    {
        int dash = text.IndexOf('-', StringComparison.Ordinal);
        int first = ParsePort(dash < 0 ? text : text[..dash]);
        int last = dash < 0 ? first : ParsePort(text[(dash + 1)..]);
        return first <= last ? (first, last) : throw new FormatException($"The ports \"{text}\" run backwards.");
    }

    private static int ParsePort(string text) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
            ? port
            : throw new FormatException($"\"{text}\" is no port; it must be a number from 0 to 65535, a range such as 8000-8100, or *.");
}
