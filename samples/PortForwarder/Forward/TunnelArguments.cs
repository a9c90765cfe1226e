using Causeway.Forwarding;
using Causeway.Forwarding.Tunnels;

namespace Causeway.PortForwarder.Forward;

/// <summary>The options that may be given several times, and say what tunnels there are.</summary>
internal static class TunnelArguments
{
    /// <summary>Parses each value of an option.</summary>
    /// <exception cref="UsageException">One has another form; the message names the option and the value.</exception>
    public static IReadOnlyList<T> Parse<T>(string option, string[]? values, Func<string, T> parse)
    {
        try
        {
            return Array.ConvertAll(values ?? [], value => parse(value));
        }
        catch (FormatException error)
        {
            throw new UsageException($"{option}: {error.Message}", error);
        }
    }

    /// <summary>The tunnels from this end: that to the server's own target first, if there is one.</summary>
    /// <exception cref="UsageException">One has another form.</exception>
    public static IReadOnlyList<TunnelForward> Forwards(ForwardEndPoint? listen, string[]? forwards) =>
    [
        .. listen is null ? Array.Empty<TunnelForward>() : [new TunnelForward { Listen = listen }],
        .. Parse("L", forwards, TunnelForward.Parse),
    ];
}
