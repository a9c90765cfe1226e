using Causeway.Forwarding;
using Causeway.Forwarding.Tunnels;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Quic;

namespace Causeway.PortForwarder.Forward;

/// <summary>What <c>causeway client</c> and <c>server</c> both are told.</summary>
internal sealed record CommonForwardOptions
{
    public string? Secret { get; init; }

    public required string Congestion { get; init; }

    public required string Log { get; init; }

    public bool Quiet { get; init; }

    public int MaxForwards { get; init; }

    /// <summary>Whether TCP targets are told who connects.</summary>
    public bool SendsProxyHeader { get; init; }

    public string? KeyLog { get; init; }

    /// <summary>The profile of connections, to which who is who is still to be added.</summary>
    public QuicProfile NewProfile() => new()
    {
        CongestionControl = CongestionControllers.ByName(Congestion),

        // Each flow of UDP has one too: as many as there may be must leave connections enough.
        MaxInboundBidirectionalStreams = 4096,
        KeyLog = KeyLog is { Length: > 0 } path ? new KeyLogFile(path).Add : null,
    };

    // One line after the other, whichever connection they are of.
    private sealed class KeyLogFile(string path)
    {
        private readonly Lock _gate = new();

        public void Add(string line)
        {
            lock (_gate)
            {
                File.AppendAllText(path, line + "\n");
            }
        }
    }
}

/// <summary>What <c>causeway server</c> is told.</summary>
internal sealed record ServerOptions
{
    public ForwardEndPoint? To { get; init; }

    /// <summary>What clients may have opened besides.</summary>
    public required TunnelPolicy Policy { get; init; }

    public required ForwardEndPoint Listen { get; init; }

    public required string KeyFile { get; init; }

    public required IReadOnlyList<string> ClientKeys { get; init; }

    public int MaxConnections { get; init; }

    /// <summary>Sockets that share the port; 0 for one for each processor.</summary>
    public int Shards { get; init; } = 1;

    public required CommonForwardOptions Common { get; init; }
}

/// <summary>What <c>causeway client</c> is told.</summary>
internal sealed record ClientOptions
{
    public required TunnelChoice Tunnels { get; init; }

    public required string Server { get; init; }

    public required IReadOnlyList<string> ServerKeys { get; init; }

    public string? KeyFile { get; init; }

    public int Connections { get; init; }

    /// <summary>How often the client goes on from another port; null for never.</summary>
    public TimeSpan? Hop { get; init; }

    public required CommonForwardOptions Common { get; init; }
}
