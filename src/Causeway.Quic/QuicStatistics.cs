namespace Causeway.Quic;

/// <summary>Counters of a QUIC connection. They stay readable, at their last values, after it has ended.</summary>
public sealed class QuicStatistics : TransportStatistics
{
    private readonly QuicSession _session;

    internal QuicStatistics(QuicSession session) => _session = session;

    /// <summary>The version that is spoken: 1 or 2.</summary>
    public int Version => _session.Version == QuicVersion.V2 ? 2 : 1;

    /// <summary>The cipher suite by its name in TLS; "None" before it is negotiated.</summary>
    public string CipherSuite => _session.Handshake?.Suite.ToString() ?? "None";

    /// <summary>The group of the key exchange by its name in TLS.</summary>
    public string KeyExchangeGroup => _session.Handshake?.Group.ToString() ?? "None";

    /// <summary>Whether a ticket of an earlier connection was used.</summary>
    public bool IsResumed => _session.Handshake?.IsResumed ?? false;

    /// <summary>
    /// At a client: what <see cref="QuicProfile.ResumptionTicket"/> of a later connection takes. It comes a moment after the
    /// handshake; empty until then. It is secret.
    /// </summary>
    public ReadOnlyMemory<byte> ResumptionTicket => _session.LatestTicket;

    /// <summary>
    /// At a client: what <see cref="QuicProfile.AddressToken"/> of a later connection to the same server takes; empty until it comes.
    /// </summary>
    public ReadOnlyMemory<byte> AddressToken => _session.LatestToken;

    /// <summary>Packets that were sent; a datagram may hold several.</summary>
    public long PacketsSent { get; internal set; }

    /// <summary>Packets that arrived with the right keys.</summary>
    public long PacketsReceived { get; internal set; }

    /// <summary>Packets that arrived a second time.</summary>
    public long PacketsRepeated { get; internal set; }

    /// <summary>Packets that could not be opened: changed on the way, or of somebody else.</summary>
    public long PacketsUnopened { get; internal set; }

    /// <summary>Packets that were dropped for another reason: of another version, or at a wrong time.</summary>
    public long PacketsDropped { get; internal set; }

    /// <summary>Packets that were deemed lost.</summary>
    public long PacketsLost => _session.Recovery.PacketsLost;

    /// <summary>Whether this end closed because the peer broke a rule or a limit: 0 or 1, for sums.</summary>
    public long Violations { get; internal set; }

    /// <summary>How often nothing at all was heard for a probe timeout (RFC 9002, 6.2).</summary>
    public long ProbeTimeouts { get; internal set; }

    /// <summary>How often a server had to wait for proof of its client's address (RFC 9000, 8.1).</summary>
    public long AmplificationBlocked { get; internal set; }

    /// <summary>How often the peer's address changed.</summary>
    public long PathChanges { get; internal set; }

    /// <summary>Addresses of the peer that were proved after the handshake.</summary>
    public long PathsValidated { get; internal set; }

    /// <summary>Connection ids that the peer retired.</summary>
    public long ConnectionIdsRetired { get; internal set; }

    /// <summary>Changes of address that could not be proved, and were taken back.</summary>
    public long PathsRefused { get; internal set; }

    /// <summary>Questions of the peer whether a path carries both ways.</summary>
    public long PathChallenges { get; internal set; }

    /// <summary>Updates of keys, of either end.</summary>
    public long KeyUpdates { get; internal set; }

    /// <summary>Retry packets that a server answered with.</summary>
    public long Retries { get; internal set; }

    /// <summary>How often a client began again because the server did not speak its version.</summary>
    public long VersionsNegotiated { get; internal set; }

    /// <summary>Whether data of the client went early and was taken (RFC 9001, 4.6).</summary>
    public bool EarlyDataAccepted { get; internal set; }

    /// <summary>How long this side did not run, although it was due to, in microseconds in all.</summary>
    public long StalledMicroseconds { get; internal set; }

    /// <summary>Stateless resets that were recognised.</summary>
    public long StatelessResets { get; internal set; }

    /// <summary>Datagrams of the application that arrived (RFC 9221).</summary>
    public long DatagramsReceived { get; internal set; }

    /// <summary>
    /// Datagrams of the application that were dropped, or not repeated, since they could not have arrived before their deadline.
    /// </summary>
    public long DatagramsLate => _session.DatagramsLate;

    /// <summary>Datagrams of the application that were dropped before they left because too many waited, or the path became too narrow.</summary>
    public long DatagramsOverflowed => _session.DatagramsOverflowed;

    /// <summary>Packets with datagrams that were lost and could still arrive before their deadline, and were sent once more.</summary>
    public long DatagramsRepeated => _session.DatagramsRepeated;

    /// <summary>Packets that were sent so that the peer can rebuild them from repairs (see <see cref="QuicFecOptions"/>).</summary>
    public long SourcesSent { get; internal set; }

    /// <summary>Repairs that were sent.</summary>
    public long RepairsSent { get; internal set; }

    /// <summary>Bytes of the repairs that were sent, without the packets' headers.</summary>
    public long RepairBytesSent { get; internal set; }

    /// <summary>Repairs that arrived.</summary>
    public long RepairsReceived { get; internal set; }

    /// <summary>Repairs that arrived and could not help: what they cover was there, or is forgotten.</summary>
    public long RepairsUseless => _session.FecReceiver?.Useless ?? 0;

    /// <summary>Repairs of the peer from which something came that cannot be right; the first one ends the connection.</summary>
    public long RepairsInvalid => _session.FecReceiver?.Invalid ?? 0;

    /// <summary>Packets that got lost on the way here and were rebuilt.</summary>
    public long PacketsRebuilt { get; internal set; }

    /// <summary>Packets that got lost on the way to the peer and that it rebuilt, by its reports.</summary>
    public long PacketsRebuiltByPeer { get; internal set; }

    /// <summary>How long the handshake took, in microseconds; 0 before it is complete.</summary>
    public long HandshakeMicroseconds { get; internal set; }

    /// <inheritdoc/>
    public override TimeSpan SmoothedRtt => _session.Recovery.Rtt.HasSample
        ? TimeSpan.FromMicroseconds(_session.Recovery.Rtt.Smoothed)
        : TimeSpan.Zero;

    /// <inheritdoc/>
    public override long Retransmissions => _session.Recovery.PacketsLost;

    /// <inheritdoc/>
    public override long SpuriousRetransmissions => _session.Recovery.SpuriousLosses;

    /// <inheritdoc/>
    public override QuicCounters AddTo(TransportCounters? sum, bool isLive) => (sum as QuicCounters ?? new QuicCounters()).Plus(this);
}

/// <summary>Counters of several QUIC connections, summed; see <see cref="QuicStatistics"/>.</summary>
public sealed record QuicCounters : TransportCounters
{
    /// <inheritdoc cref="QuicStatistics.PacketsSent"/>
    public long PacketsSent { get; init; }

    /// <inheritdoc cref="QuicStatistics.PacketsReceived"/>
    public long PacketsReceived { get; init; }

    /// <inheritdoc cref="QuicStatistics.PacketsLost"/>
    public long PacketsLost { get; init; }

    /// <inheritdoc cref="QuicStatistics.ProbeTimeouts"/>
    public long ProbeTimeouts { get; init; }

    /// <inheritdoc cref="QuicStatistics.PacketsUnopened"/>
    public long PacketsUnopened { get; init; }

    /// <inheritdoc cref="QuicStatistics.Violations"/>
    public long Violations { get; init; }

    /// <inheritdoc cref="QuicStatistics.RepairsSent"/>
    public long RepairsSent { get; init; }

    /// <inheritdoc cref="QuicStatistics.PacketsRebuilt"/>
    public long PacketsRebuilt { get; init; }

    /// <inheritdoc cref="QuicStatistics.DatagramsLate"/>
    public long DatagramsLate { get; init; }

    /// <inheritdoc cref="QuicStatistics.DatagramsRepeated"/>
    public long DatagramsRepeated { get; init; }

    internal QuicCounters Plus(QuicStatistics one) => new()
    {
        PacketsSent = PacketsSent + one.PacketsSent,
        PacketsReceived = PacketsReceived + one.PacketsReceived,
        PacketsLost = PacketsLost + one.PacketsLost,
        ProbeTimeouts = ProbeTimeouts + one.ProbeTimeouts,
        PacketsUnopened = PacketsUnopened + one.PacketsUnopened,
        Violations = Violations + one.Violations,
        RepairsSent = RepairsSent + one.RepairsSent,
        PacketsRebuilt = PacketsRebuilt + one.PacketsRebuilt,
        DatagramsLate = DatagramsLate + one.DatagramsLate,
        DatagramsRepeated = DatagramsRepeated + one.DatagramsRepeated,
    };
}
