using System.Net;
using System.Net.Sockets;

namespace Causeway.Forwarding.Tunnels;

/// <summary>
/// What a server opens for its clients by the tunnel protocol, beside its own target. The default is nothing.
/// </summary>
public sealed record TunnelPolicy
{
    /// <summary>
    /// Targets that clients may name. A name is looked up here; it may be reached if a rule allows the name itself, else at
    /// those of its addresses that a rule allows. Default: none.
    /// </summary>
    public IReadOnlyList<TunnelTargetRule> Targets { get; init; } = [];

    /// <summary>Where clients may have the server listen. Default: nowhere.</summary>
    public IReadOnlyList<TunnelListenRule> Listening { get; init; } = [];

    /// <summary>How long a stream may take to say what it is for; more than zero, default 5 seconds.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Ports that the server listens on for one client at a time, 0 to 65536. Default 64.</summary>
    public int MaxListeners { get; init; } = 64;

    /// <summary>What goes over datagrams.</summary>
    public TunnelDatagramOptions Datagrams { get; init; } = new();

    internal bool Allows(ProtocolType protocol, EndPoint target) => Targets.Any(rule => rule.Allows(protocol, target));

    internal bool AllowsListening(ProtocolType protocol, EndPoint address) => Listening.Any(rule => rule.Allows(protocol, address));

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Targets);
        ArgumentNullException.ThrowIfNull(Listening);
        ArgumentNullException.ThrowIfNull(Datagrams);
        Datagrams.Validate();
        if (RequestTimeout <= TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(RequestTimeout), RequestTimeout, "RequestTimeout must be more than zero.");
        }

        if (MaxListeners is < 0 or > 65536)
        {
            throw new ArgumentOutOfRangeException(nameof(MaxListeners), MaxListeners, "MaxListeners must be from 0 to 65536.");
        }
    }
}
