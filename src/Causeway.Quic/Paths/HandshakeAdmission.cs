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
/// A client that has proved its address competes with others that have, not with those that forge it: nobody can use up another's
/// share. What is kept is bounded by <see cref="QuicSettings.MaxHandshakes"/>.
/// </remarks>
internal sealed class HandshakeAdmission(QuicSettings settings)
{
    private const int NetworkBytes = 8;

    private readonly Dictionary<QuicSession, Entry> _handshakes = [];
    private readonly Dictionary<PeerAddress, Counts> _byAddress = [];

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
        Counts counts = _byAddress.GetValueOrDefault(AddressOf(peer));
        int rivals = isValidated ? counts.Validated : counts.All;
        bool isFull = Count >= settings.MaxHandshakes || rivals >= settings.MaxHandshakesPerAddress;
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
        Change(address, 1, isValidated ? 1 : 0);
        Unvalidated += isValidated ? 0 : 1;
    }

    /// <summary>A client has proved its address.</summary>
    public void OnValidated(QuicSession session)
    {
        if (_handshakes.TryGetValue(session, out Entry entry) && !entry.IsValidated)
        {
            _handshakes[session] = entry with { IsValidated = true };
            Change(entry.Address, 0, 1);
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
        Change(entry.Address, -1, entry.IsValidated ? -1 : 0);
    }

    private void Change(in PeerAddress address, int all, int validated)
    {
        Counts counts = _byAddress.GetValueOrDefault(address);
        counts = new Counts(counts.All + all, counts.Validated + validated);
        if (counts.All == 0)
        {
            _byAddress.Remove(address);
        }
        else
        {
            _byAddress[address] = counts;
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

    private readonly record struct Counts(int All, int Validated);

    private readonly record struct Entry(PeerAddress Address, bool IsValidated);
}
