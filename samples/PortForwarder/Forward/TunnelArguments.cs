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

    /// <summary>Where standard input and output go; null for nowhere.</summary>
    /// <exception cref="UsageException">It has another form.</exception>
    public static ForwardEndPoint? Stdio(string? target) => target is null ? null : Parse("W", [target], ForwardEndPoint.Parse)[0];

    /// <summary>The ports that are proxies.</summary>
    /// <exception cref="UsageException">One has another form, or the file cannot be used.</exception>
    public static IReadOnlyList<DynamicForward> Dynamic(string[]? ports, string? authFile)
    {
        if (authFile is null)
        {
            return Parse("D", ports, static text => new DynamicForward { Listen = TunnelForward.ParseListen(text) });
        }

        string[] pair = ReadFirstLine(authFile).Split(':', 2);
        return pair is [{ Length: > 0 }, { Length: > 0 }]
            ? Parse("D", ports, text => new DynamicForward { Listen = TunnelForward.ParseListen(text), UserName = pair[0], Password = pair[1] })
            : throw new UsageException($"the first line of {authFile} must be NAME:PASSWORD");
    }

    private static string ReadFirstLine(string path)
    {
        try
        {
            return File.ReadLines(path).FirstOrDefault() ?? "";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"proxy-auth-file cannot be read: {error.Message}", error);
        }
    }
}
