using Causeway.Protocol.Recovery.Congestion;
using Causeway.Quic.Handshake;
using Causeway.Quic.Streams;

namespace Causeway.Quic;

/// <summary>What the sessions of an endpoint have in common.</summary>
internal sealed record QuicSettings
{
    /// <summary>Makes the handshakes.</summary>
    public required Func<EndpointRole, IHandshake> Handshake { get; init; }

    /// <summary>
    /// Answers a handshake's question at once and says null, or says what finds the answer. Null where a test answers itself.
    /// </summary>
    public Func<QuicSession, HandshakeEventKind, Timestamp, SessionQuestion?>? Ask { get; init; }

    /// <summary>Where random bytes come from.</summary>
    public required RandomBytes Random { get; init; }

    /// <summary>What the sessions have to know of the link.</summary>
    public required SessionLink Link { get; init; }

    /// <summary>Makes the congestion controllers.</summary>
    public Func<int, CongestionController> CongestionControl { get; init; } = static size => new BbrController(size);

    /// <summary>Versions that are spoken, the preferred one first.</summary>
    public IReadOnlyList<QuicVersion> Versions { get; init; } = [QuicVersion.V1, QuicVersion.V2];

    /// <summary>After how long without a sign of the peer the connection is over, in microseconds; 0 for never.</summary>
    public long IdleTimeout { get; init; } = 30_000_000;

    /// <summary>How long before a quiet peer is asked for a sign of life, in microseconds; 0 for never.</summary>
    public long KeepAlive { get; init; }

    /// <summary>How long a handshake may take, in microseconds.</summary>
    public long HandshakeTimeout { get; init; } = 10_000_000;

    /// <summary>Bytes of received data that a connection may hold.</summary>
    public long MemoryBudget { get; init; } = 64 << 20;

    /// <summary>Streams of each kind that the peer may have open at once.</summary>
    public long BidirectionalStreams { get; init; } = 1024;

    /// <summary>The same for unidirectional ones.</summary>
    public long UnidirectionalStreams { get; init; } = 1024;

    /// <summary>The largest datagram of the application that is taken (RFC 9221); 0 for none.</summary>
    public int MaxDatagramFrame { get; init; } = 65535;

    /// <summary>Datagrams of the application that wait to be read or sent, each way, at most.</summary>
    public int DatagramQueue { get; init; } = 256;

    /// <summary>Whether values without a meaning are sent, so that nobody comes to rely on their absence (RFC 9287).</summary>
    public bool Grease { get; init; } = true;

    /// <summary>Whether short headers show the round-trip time to the network (RFC 9000, 17.4).</summary>
    public bool SpinBit { get; init; }

    /// <summary>Streams begin with these limits: windows that grow with what readers take.</summary>
    public StreamLimits Limits
    {
        get
        {
            // What a stream may send before anybody read of it: so little that a thousand readers that never read leave room.
            long first = Math.Clamp(MemoryBudget / 1024, 4096, 64 << 10);
            return new StreamLimits
            {
                Data = MemoryBudget / 4 * 3,
                BidirectionalLocal = first,
                BidirectionalRemote = first,
                Unidirectional = first,
                BidirectionalStreams = BidirectionalStreams,
                UnidirectionalStreams = UnidirectionalStreams,
            };
        }
    }
}
