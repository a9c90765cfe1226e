using Causeway.Protocol.Recovery.Congestion;
using Causeway.Quic.Handshake;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Qlog;
using Causeway.Quic.Streams;
using Causeway.Quic.Wire;

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

    /// <summary>The code with which streams are given up unless the application names one.</summary>
    public long DefaultStreamErrorCode { get; init; }

    /// <summary>Datagrams of the application that wait to be read or sent, each way, at most.</summary>
    public int DatagramQueue { get; init; } = 256;

    /// <summary>Whether values without a meaning are sent, so that nobody comes to rely on their absence (RFC 9287).</summary>
    public bool Grease { get; init; } = true;

    /// <summary>Whether acknowledgements come less often while windows are large, where the peer knows how to ask for it.</summary>
    public bool AckFrequency { get; init; } = true;

    /// <summary>Forward error correction, where the peer knows it.</summary>
    public QuicFecOptions Fec { get; init; } = new();
    /// <summary>Whether a client may go to another address on purpose (disable_active_migration, RFC 9000, 18.2).</summary>
    public bool AllowsMigration { get; init; } = true;

    /// <summary>Whether short headers show the round-trip time to the network (RFC 9000, 17.4).</summary>
    public bool SpinBit { get; init; }

    /// <summary>
    /// When a server asks clients to prove their address by a Retry (RFC 9000, 8.1.2), which costs them a round trip. Under load
    /// by default: nothing is kept for addresses that may be forged.
    /// </summary>
    public AddressValidationMode Retry { get; init; } = AddressValidationMode.UnderLoad;

    /// <summary>
    /// So many incomplete handshakes of unproved addresses are load. An unanswered one costs some 20 KiB until its timeout.
    /// </summary>
    public int RetryThreshold { get; init; } = 128;

    /// <summary>Incomplete handshakes at once, at most; others are refused with CONNECTION_REFUSED.</summary>
    public int MaxHandshakes { get; init; } = 4096;

    /// <summary>
    /// Incomplete handshakes of one address at once, at most; of an IPv6 network of 64 bits, since a host may have all of one.
    /// Many clients may share an address behind a NAT.
    /// </summary>
    public int MaxHandshakesPerAddress { get; init; } = 128;

    /// <summary>Refusals and stateless resets in a second, at most: what floods bring is not all answered.</summary>
    public int AnswersPerSecond { get; init; } = 1000;

    /// <summary>Whether a server gives its clients tokens for later connections (RFC 9000, 8.1.3).</summary>
    public bool SendsAddressTokens { get; init; } = true;

    /// <summary>
    /// Seals address tokens, of 32 bytes; empty for a random one. Servers that share the key take each other's tokens.
    /// </summary>
    public ReadOnlyMemory<byte> TokenKey { get; init; }

    /// <summary>
    /// The static key of stateless resets, of 32 bytes (RFC 9000, 10.3.2); empty for a random one. A server that keeps its key can
    /// reset connections from before it was started again.
    /// </summary>
    public ReadOnlyMemory<byte> ResetKey { get; init; }

    /// <summary>The wall time at <see cref="Timestamp.Zero"/>, for the age of tokens.</summary>
    public DateTimeOffset UtcAtZero { get; init; } = DateTimeOffset.UnixEpoch;

    /// <summary>At a client: the token that an earlier connection got (NEW_TOKEN); empty for none.</summary>
    public ReadOnlyMemory<byte> AddressToken { get; init; }

    /// <summary>At a server: the IPv4 address that clients shall move to (RFC 9000, 9.6); none for none.</summary>
    public PeerAddress PreferredIPv4 { get; init; }

    /// <summary>At a server: the IPv6 address that clients shall move to; none for none.</summary>
    public PeerAddress PreferredIPv6 { get; init; }

    /// <summary>
    /// Bytes of the connection ids that this end issues: 8 by default, against which a guess is hopeless. 0 is for a client with one
    /// connection on its socket; it saves the bytes, and its address cannot change (RFC 9000, 5.1).
    /// </summary>
    public int IdLength { get; init; } = 8;

    /// <summary>At a server: what load balancers read from its ids, which then have that length; null for ids that say nothing.</summary>
    public ConnectionIdRouting? Routing { get; init; }

    /// <summary>At a server with several sockets on one port: what their endpoints share; null if there is one.</summary>
    public SharedPort? Port { get; init; }

    /// <summary>Which of those sockets this is, from 0.</summary>
    public int Shard { get; init; }

    /// <summary>
    /// How often 1-RTT keys may be used; null for the limits of the suite (RFC 9001, 6.6). Smaller ones make key updates frequent,
    /// which tests want.
    /// </summary>
    public AeadLimits? KeyLimits { get; init; }

    /// <summary>Packets after which keys are changed; 0 for no sooner than needed.</summary>
    public long KeyUpdateInterval { get; init; }

    /// <summary>Opens the log of a connection by its role and original destination id; null for none. It must not throw.</summary>
    public Func<EndpointRole, ConnectionId, QlogTrace?>? Qlog { get; init; }

    /// <summary>Streams begin with these limits: windows that grow with what readers take.</summary>
    /// <remarks>
    /// Nobody knows beforehand which reader will stop, and a window cannot be taken back. So the connection's window has room for
    /// the first windows of all bidirectional streams at once, and for what streams may grow by beside them (see
    /// <see cref="QuicStreams"/>): a thousand readers that never read leave room for one that does.
    /// </remarks>
    public StreamLimits Limits
    {
        get
        {
            long first = Math.Clamp(MemoryBudget / 2 / Math.Max(1, BidirectionalStreams), 4096, 64 << 10);
            return new StreamLimits
            {
                Data = MemoryBudget / 16 * 15,
                BidirectionalLocal = first,
                BidirectionalRemote = first,
                Unidirectional = first,
                BidirectionalStreams = BidirectionalStreams,
                UnidirectionalStreams = UnidirectionalStreams,
            };
        }
    }
}
