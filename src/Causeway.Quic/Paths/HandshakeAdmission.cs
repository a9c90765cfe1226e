namespace Causeway.Quic.Paths;

/// <summary>What a server does with a client's first packet.</summary>
internal enum Admission
{
    /// <summary>A handshake begins.</summary>
    Accept,

    /// <summary>The client has to prove its address first.</summary>
    Retry,

    /// <summary>There are too many handshakes.</summary>
    Refuse,
}

/// <summary>
/// Counts the handshakes that are not complete, in all and by address, and decides by them whether another may begin.
/// </summary>
/// <remarks>
/// Where a client has to prove its address, the limit by address is one for proved addresses: nobody can use up another's share by
/// forging it. What is kept is bounded by <see cref="QuicSettings.MaxHandshakes"/>.
/// </remarks>
internal sealed class HandshakeAdmission(QuicSettings settings)
{
    private const int NetworkBytes = 8;

    private readonly Dictionary<QuicSession, Entry> _handshakes = [];
    private readonly Dictionary<PeerAddress, int> _byAddress = [];

    /// <summary>Handshakes that are not complete.</summary>
    public int Count => _handshakes.Count;

    /// <summary>Those of them whose address may be forged.</summary>
    public int Unvalidated { get; private set; }

    /// <summary>Whether so many addresses are unproved that nothing more is kept for one.</summary>
    public bool IsUnderLoad => Unvalidated >= settings.RetryThreshold;

    /// <summary>Decides about a first packet.</summary>
    /// <param name="peer">Where it came from.</param>
    /// <param name="isValidated">Whether its token proves that address.</param>
    public Admission Decide(in PeerAddress peer, bool isValidated)
    {
        bool isFull = Count >= settings.MaxHandshakes
            || _byAddress.GetValueOrDefault(AddressOf(peer)) >= settings.MaxHandshakesPerAddress;
        if (isValidated || settings.Retry == RetryPolicy.Never)
        {
            return isFull ? Admission.Refuse : Admission.Accept;
        }

        return settings.Retry == RetryPolicy.Always || isFull || IsUnderLoad ? Admission.Retry : Admission.Accept;
    }

    /// <summary>A handshake begins.</summary>
    public void Add(QuicSession session, in PeerAddress peer, bool isValidated)
    {
        PeerAddress address = AddressOf(peer);
        _handshakes.Add(session, new Entry(address, isValidated));
        _byAddress[address] = _byAddress.GetValueOrDefault(address) + 1;
        Unvalidated += isValidated ? 0 : 1;
    }

    /// <summary>A client has proved its address.</summary>
    public void OnValidated(QuicSession session)
    {
        if (_handshakes.TryGetValue(session, out Entry entry) && !entry.IsValidated)
        {
            _handshakes[session] = entry with { IsValidated = true };
            Unvalidated--;
        }
    }

    /// <summary>A handshake is complete, or the session is over. May be called more than once.</summary>
    public void Remove(QuicSession session)
    {
        if (!_handshakes.Remove(session, out Entry entry))
        {
            return;
        }

        Unvalidated -= entry.IsValidated ? 0 : 1;
        int left = _byAddress[entry.Address] - 1;
        if (left == 0)
        {
            _byAddress.Remove(entry.Address);
        }
        else
        {
            _byAddress[entry.Address] = left;
        }
    }

    // A host has a whole network of 64 bits to choose IPv6 addresses from (RFC 4291, 2.5.1).
    private static PeerAddress AddressOf(in PeerAddress peer)
    {
        if (!peer.IsIPv6)
        {
            return peer.WithoutPort();
        }

        Span<byte> bytes = stackalloc byte[16];
        peer.WriteBytes(bytes);
        bytes[NetworkBytes..].Clear();
        return PeerAddress.FromBytes(bytes, 0);
    }

    private readonly record struct Entry(PeerAddress Address, bool IsValidated);
}
