using System.Collections.Concurrent;

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
/// Counts the handshakes of a listener that are not complete, in all and by address, and decides by them whether another may begin.
/// Used by several threads at once.
/// </summary>
/// <remarks>
/// A client that has proved its address competes with others that have, not with those that forge it: nobody can use up another's
/// share. What is kept is bounded by <see cref="QuicSettings.MaxHandshakes"/>.
/// </remarks>
internal sealed class HandshakeCounts(QuicSettings settings)
{
    private const int NetworkBytes = 8;

    private readonly ConcurrentDictionary<PeerAddress, Counts> _byAddress = new();
    private int _count;
    private int _unvalidated;

    /// <summary>Handshakes that are not complete.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Those of them whose address may be forged.</summary>
    public int Unvalidated => Volatile.Read(ref _unvalidated);

    /// <summary>Addresses that are counted.</summary>
    public int AddressCount => _byAddress.Count;

    /// <summary>Decides about a first packet, and counts its handshake if it may begin.</summary>
    /// <param name="peer">Where it came from.</param>
    /// <param name="isValidated">Whether its token proves that address.</param>
    public Admission TryBegin(in PeerAddress peer, bool isValidated)
    {
        // First without counting: a flood changes nothing.
        Admission decision = Decide(Count, Unvalidated, _byAddress.GetValueOrDefault(AddressOf(peer)), isValidated);
        if (decision != Admission.Accept)
        {
            return decision;
        }

        // Then with it, since other sockets may take the last places at the same time. Its own place does not count against it.
        (int others, int unvalidated, Counts counts) = Begin(peer, isValidated);
        decision = Decide(others, unvalidated, counts, isValidated);
        if (decision != Admission.Accept)
        {
            End(peer, isValidated);
        }

        return decision;
    }

    /// <summary>Counts a handshake, whatever the limits say.</summary>
    /// <returns>What there was without it.</returns>
    public (int Count, int Unvalidated, Counts OfAddress) Begin(in PeerAddress peer, bool isValidated)
    {
        int others = Interlocked.Increment(ref _count) - 1;
        int unvalidated = isValidated ? Unvalidated : Interlocked.Increment(ref _unvalidated) - 1;
        return (others, unvalidated, Change(AddressOf(peer), 1, isValidated ? 1 : 0));
    }

    /// <summary>A client has proved its address.</summary>
    public void OnValidated(in PeerAddress peer)
    {
        Change(AddressOf(peer), 0, 1);
        Interlocked.Decrement(ref _unvalidated);
    }

    /// <summary>A handshake is complete, or over.</summary>
    public void End(in PeerAddress peer, bool isValidated)
    {
        Interlocked.Decrement(ref _count);
        if (!isValidated)
        {
            Interlocked.Decrement(ref _unvalidated);
        }

        Change(AddressOf(peer), -1, isValidated ? -1 : 0);
    }

    private Admission Decide(int count, int unvalidated, Counts ofAddress, bool isValidated)
    {
        int rivals = isValidated ? ofAddress.Validated : ofAddress.All;
        bool isFull = count >= settings.MaxHandshakes || rivals >= settings.MaxHandshakesPerAddress;
        if (isValidated || settings.Retry == AddressValidationMode.Never)
        {
            return isFull ? Admission.Refuse : Admission.Accept;
        }

        // So many addresses that are not proved, and nothing more is kept for one.
        bool isUnderLoad = unvalidated >= settings.RetryThreshold;
        return settings.Retry == AddressValidationMode.Always || isFull || isUnderLoad ? Admission.Retry : Admission.Accept;
    }

    // Gives the counts before the change.
    private Counts Change(in PeerAddress address, int all, int validated)
    {
        while (true)
        {
            bool isKnown = _byAddress.TryGetValue(address, out Counts before);
            Counts after = new(before.All + all, before.Validated + validated);
            bool isDone = (isKnown, after.All) switch
            {
                (false, _) => _byAddress.TryAdd(address, after),
                (true, 0) => _byAddress.TryRemove(new KeyValuePair<PeerAddress, Counts>(address, before)),
                _ => _byAddress.TryUpdate(address, after, before),
            };
            if (isDone)
            {
                return before;
            }
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

    /// <summary>Handshakes of an address.</summary>
    /// <param name="All">All of them.</param>
    /// <param name="Validated">Those that proved the address.</param>
    internal readonly record struct Counts(int All, int Validated);
}
