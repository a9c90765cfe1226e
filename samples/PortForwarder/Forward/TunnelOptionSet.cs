using System.CommandLine;
using Causeway.Forwarding;
using Causeway.Forwarding.Tunnels;

namespace Causeway.PortForwarder.Forward;

/// <summary>The options of <c>causeway client</c> that say which tunnels there are.</summary>
internal sealed class TunnelOptionSet
{
    private readonly Option<string[]> _forwards = new("-L")
    {
        Description = "[udp:][BIND:]PORT:HOST:HOSTPORT: what comes to PORT here goes to HOST:HOSTPORT as the server sees it; a path in place of "
            + "either end is a Unix socket; may be given several times",
    };

    private readonly Option<string[]> _reverse = new("-R")
    {
        Description = "[udp:][BIND:]PORT:HOST:HOSTPORT: what comes to PORT at the server goes to HOST:HOSTPORT as this end sees it; may be "
            + "given several times",
    };

    private readonly Option<string[]> _dynamic = new("-D")
    {
        Description = "[BIND:]PORT: a proxy (SOCKS 5, HTTP CONNECT) on PORT here, whose users name the target; may be given several times",
    };

    private readonly Option<string?> _proxyAuth = new("--proxy-auth-file")
    {
        Description = "A file whose first line is NAME:PASSWORD, which users of -D have to give",
    };

    private readonly Option<string?> _stdio = new("-W", "--stdio")
    {
        Description = "HOST:PORT, or a path: standard input and output go there, and nothing is listened on; for ssh's ProxyCommand",
    };

    private readonly Option<string[]> _tcpMappings = new("--tcp-mappings") { Description = "-l, -L and -R as rstun writes them: MODE^ADDR^ADDR, several with commas" };
    private readonly Option<string[]> _udpMappings = new("--udp-mappings") { Description = "The same for UDP" };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _forwards, _reverse, _dynamic, _proxyAuth, _stdio, _tcpMappings, _udpMappings })
        {
            command.Add(option);
        }
    }

    /// <summary>What was given.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="listen">Where connections come in that go to the server's own target; null for nowhere.</param>
    /// <exception cref="UsageException">One has another form.</exception>
    public TunnelChoice Read(ParseResult parsed, ForwardEndPoint? listen)
    {
        (bool IsReverse, TunnelForward Forward)[] mappings =
        [
            .. RstunMapping.ParseAll("tcp-mappings", parsed.GetValue(_tcpMappings), isUdp: false),
            .. RstunMapping.ParseAll("udp-mappings", parsed.GetValue(_udpMappings), isUdp: true),
        ];
        return new TunnelChoice
        {
            Forwards =
            [
                .. listen is null ? Array.Empty<TunnelForward>() : [new TunnelForward { Listen = listen }],
                .. TunnelArguments.Parse("L", parsed.GetValue(_forwards), TunnelForward.Parse),
                .. mappings.Where(static mapping => !mapping.IsReverse).Select(static mapping => mapping.Forward),
            ],
            Reverse =
            [
                .. TunnelArguments.Parse("R", parsed.GetValue(_reverse), TunnelForward.Parse),
                .. mappings.Where(static mapping => mapping.IsReverse).Select(static mapping => mapping.Forward),
            ],
            Dynamic = TunnelArguments.Dynamic(parsed.GetValue(_dynamic), parsed.GetValue(_proxyAuth)),
            Stdio = TunnelArguments.Stdio(parsed.GetValue(_stdio)),
        };
    }
}

/// <summary>Which tunnels <c>causeway client</c> has.</summary>
internal sealed record TunnelChoice
{
    /// <summary>Where this end listens; first the one that leads to the server's own target, if it is asked for.</summary>
    public required IReadOnlyList<TunnelForward> Forwards { get; init; }

    /// <summary>Where the server is to listen.</summary>
    public required IReadOnlyList<TunnelForward> Reverse { get; init; }

    /// <summary>Where this end is a proxy.</summary>
    public required IReadOnlyList<DynamicForward> Dynamic { get; init; }

    /// <summary>Where standard input and output go; null if they go nowhere.</summary>
    public ForwardEndPoint? Stdio { get; init; }

    /// <summary>Whether there is nothing at all.</summary>
    public bool IsEmpty => Stdio is null && Forwards.Count + Reverse.Count + Dynamic.Count == 0;
}
