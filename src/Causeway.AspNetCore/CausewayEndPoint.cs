using System.Net;
using Causeway.Protocol;

namespace Causeway.AspNetCore;

/// <summary>
/// Where Kestrel serves HTTP/1.1 and HTTP/2 over streams: each bidirectional stream of each connection is to Kestrel what a TCP
/// connection is. For <c>ListenCauseway</c> of Kestrel's options.
/// </summary>
public sealed class CausewayEndPoint : EndPoint
{
    /// <summary>Makes an end point.</summary>
    /// <param name="address">The address and UDP port to listen on; port 0 takes a free one.</param>
    /// <param name="profile">QUIC or another profile, with what a listener needs.</param>
    public CausewayEndPoint(IPEndPoint address, TransportProfile profile)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(profile);
        Address = address;
        Profile = profile;
    }

    /// <summary>The address and UDP port.</summary>
    public IPEndPoint Address { get; }

    /// <summary>The profile.</summary>
    public TransportProfile Profile { get; }

    /// <summary>Changes the listener's options: limits, socket buffers, middleware on the datagram path. Default null.</summary>
    public Func<CausewayListenerOptions, CausewayListenerOptions>? ConfigureListener { get; init; }

    /// <summary>The end point as an address, such as "causeway://127.0.0.1:4433".</summary>
    public override string ToString() => $"causeway://{Address}";
}
