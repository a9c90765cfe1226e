using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Fec;

/// <summary>
/// Finds a peer's shard counts from the sequence ids and types of its datagrams (docs/wire/kcptun.md 4.7).
/// </summary>
/// <remarks>
/// <para>
/// Because sequence ids wrap at a multiple of the group size n, a datagram is data exactly if <c>seqid mod n &lt;
/// ds</c> (docs/wire/kcptun.md 4.3). So each datagram by itself narrows what ds can be for each n: above the position
/// of any data, not above the position of any parity. An n whose bounds cross is ruled out. What remains after a few
/// groups is one n with one ds, and that is the truth, for the truth is never ruled out. Gaps, duplicates, reordering
/// and skipped parity are no evidence for or against anything; the reference's estimator, which walks a run without
/// gaps, fails at the first of them.
/// </para>
/// <para>
/// Evidence goes stale when the peer changes its counts, and garbage can spoil it. Then all n are ruled out, and the
/// older half of the evidence is dropped, until some n explains the rest. That costs at most as many steps as the
/// samples dropped cost when they came, so the work for a datagram is bounded by a small multiple of 255 whatever a
/// peer sends.
/// </para>
/// </remarks>
internal sealed class FecTuner
{
    // Four groups of the largest size: with a fifth of the datagrams lost, the edges of the group show in them.
    private const int Capacity = 1024;

    private const int LeastCapacity = 32;
    private const int MinTotal = 2;
    private const int Candidates = ReedSolomon.MaxShards - MinTotal + 1;

    // Grow to the capacity with the samples, so that a session of few datagrams holds little.
    private uint[] _sequences = new uint[LeastCapacity];
    private bool[] _areParity = new bool[LeastCapacity];

    // Empty while it does not look.
    private Candidate[] _candidates = [];

    private int _candidateCount;

    // Samples are numbered as they come; those from _evidence on count, of which the ring holds the last ones.
    private long _samples;
    private long _evidence;

    /// <summary>
    /// Whether it is looking for counts. Otherwise samples are only kept, for the time when it must look.
    /// </summary>
    public bool IsActive { get; private set; }

    /// <summary>Takes a sample.</summary>
    public void Record(uint sequence, bool isParity)
    {
        // No group size has this sequence id (docs/wire/kcptun.md 4.3).
        if (sequence == FecHeader.OutOfBandSequence)
        {
            return;
        }

        if (_samples == _sequences.Length && _samples < Capacity)
        {
            Array.Resize(ref _sequences, _sequences.Length * 2);
            Array.Resize(ref _areParity, _areParity.Length * 2);
        }

        int slot = (int)(_samples % Capacity);
        _sequences[slot] = sequence;
        _areParity[slot] = isParity;
        _samples++;
        if (IsActive)
        {
            Narrow(sequence, isParity);
            ForgetUntilExplained();
        }
    }

    /// <summary>Begins to look, with the samples since the counts were last found.</summary>
    public void Begin()
    {
        IsActive = true;
        Examine();
        ForgetUntilExplained();
    }

    /// <summary>The counts are known from elsewhere: the search is over.</summary>
    public void End()
    {
        IsActive = false;
        _evidence = _samples;
        _candidateCount = 0;
        _candidates = [];
    }

    /// <summary>
    /// Whether the evidence leaves one answer, and more than one group took part in it on both sides: one group alone
    /// can look like anything when old samples and new ones meet. If so, the search is over.
    /// </summary>
    public bool TryConclude(out int dataShards, out int parityShards)
    {
        dataShards = 0;
        parityShards = 0;
        if (_candidateCount != 1)
        {
            return false;
        }

        Candidate only = _candidates[0];
        if (only.LastData + 1 != only.FirstParity || !ShowsInTwoGroups(only.Total))
        {
            return false;
        }

        dataShards = only.FirstParity;
        parityShards = only.Total - dataShards;
        End();
        return true;
    }

    private long FirstHeld => Math.Max(_evidence, _samples - Capacity);

    private bool ShowsInTwoGroups(int total)
    {
        uint? dataGroup = null;
        uint? parityGroup = null;
        bool twoOfData = false;
        bool twoOfParity = false;
        for (long sample = FirstHeld; sample < _samples; sample++)
        {
            int slot = (int)(sample % Capacity);
            uint group = _sequences[slot] / (uint)total;
            if (_areParity[slot])
            {
                twoOfParity |= group != (parityGroup ??= group);
            }
            else
            {
                twoOfData |= group != (dataGroup ??= group);
            }
        }

        return twoOfData && twoOfParity;
    }

    private void ForgetUntilExplained()
    {
        while (_candidateCount == 0)
        {
            long first = FirstHeld;
            _evidence = first + ((_samples - first + 1) / 2);
            Examine();
        }
    }

    /// <summary>Starts from all candidates and applies the evidence that is held.</summary>
    private void Examine()
    {
        _candidateCount = Candidates;
        if (_candidates.Length == 0)
        {
            _candidates = new Candidate[Candidates];
        }

        for (int i = 0; i < Candidates; i++)
        {
            int total = MinTotal + i;

            // At least one of each: position 0 is data, the last is parity.
            _candidates[i] = new Candidate((ushort)total, 0, (ushort)(total - 1));
        }

        for (long sample = FirstHeld; sample < _samples && _candidateCount > 0; sample++)
        {
            int slot = (int)(sample % Capacity);
            Narrow(_sequences[slot], _areParity[slot]);
        }
    }

    private void Narrow(uint sequence, bool isParity)
    {
        int kept = 0;
        for (int i = 0; i < _candidateCount; i++)
        {
            Candidate candidate = _candidates[i];
            ushort position = (ushort)(sequence % candidate.Total);
            if (isParity)
            {
                candidate.FirstParity = Math.Min(candidate.FirstParity, position);
            }
            else
            {
                candidate.LastData = Math.Max(candidate.LastData, position);
            }

            if (candidate.LastData < candidate.FirstParity && sequence < FecHeader.SequenceLimit(candidate.Total))
            {
                _candidates[kept++] = candidate;
            }
        }

        _candidateCount = kept;
    }

    /// <summary>
    /// A group size with the bounds that samples set: data reaches at least to one position, parity starts at the
    /// latest at the other.
    /// </summary>
    private struct Candidate
    {
        public readonly ushort Total;
        public ushort LastData;
        public ushort FirstParity;

        public Candidate(ushort total, ushort lastData, ushort firstParity)
        {
            Total = total;
            LastData = lastData;
            FirstParity = firstParity;
        }
    }
}
