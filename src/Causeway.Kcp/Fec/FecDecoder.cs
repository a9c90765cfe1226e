using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Fec;

/// <summary>
/// Collects the shards of a peer's FEC groups and rebuilds lost datagrams from them (docs/wire/kcptun.md 4.6), whatever
/// shard counts the peer uses (docs/wire/kcptun.md 4.7).
/// </summary>
/// <remarks>
/// <para>
/// Calls come in this order: if <see cref="IsFec"/>, hand a data datagram's bytes from
/// <see cref="FecEncoder.HeaderSize"/> on to the ARQ, then <see cref="Add"/> the whole datagram, then take what was
/// rebuilt by <see cref="TryTakeRecovered"/> until it answers false. What is not taken before the next
/// <see cref="Add"/> is dropped.
/// </para>
/// <para>
/// A datagram that may still be needed is kept by reference, not copied, and never modified. Memory is bounded by four
/// groups of shards, each no larger than a datagram. One direction of one session; not thread-safe.
/// </para>
/// <para>
/// While the peer's datagrams contradict the shard counts, nothing is stored or rebuilt: with the wrong counts the
/// result would be garbage. Arrived data is not affected, because the ARQ has it already.
/// </para>
/// </remarks>
public sealed class FecDecoder : IDisposable
{
    private const int MinDatagramLength = FecHeader.Size + FecHeader.SizeField;

    // Most datagrams of a quiet session are acknowledgements and keep-alives. Held as they came, each would keep a buffer for a
    // whole datagram for as long as its group is not complete.
    private const int SmallBody = 192;
    private static readonly PacketPool s_smallBodies = new(bufferSize: SmallBody, maxIdleBytes: 1 << 20);

    private readonly PacketPool _pool;
    private readonly GaloisKernel _kernel;
    private readonly FecTuner _tuner = new();
    private readonly FecArrivalMeter _arrivals = new();
    private readonly FecGroup[] _groups = new FecGroup[FecGroupWindow.Behind + 1];

    // All of these follow from the shard counts and change with them.
    private ReedSolomon _code;
    private FecGroupWindow _window;
    private uint _sequenceLimit;
    private PacketBuffer?[] _recovered;

    // Where the newest data datagram stands.
    private uint _newestGroup;
    private int _newestPosition;

    private int _openGroups;
    private int _recoveredCount;
    private int _recoveredTaken;
    private bool _disposed;

    /// <summary>
    /// Makes a decoder that trusts these counts until the peer's datagrams contradict them. Where they are a guess, a
    /// <see cref="FecCodec"/> confirms them first.
    /// </summary>
    /// <param name="dataShards">Data datagrams of a group, at least 1.</param>
    /// <param name="parityShards">
    /// Parity datagrams of a group, at least 1; at most 256 together with the former.
    /// </param>
    /// <param name="pool">Where rebuilt datagrams are rented.</param>
    /// <param name="statistics">Counters to add to; its own if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count is out of range.</exception>
    public FecDecoder(int dataShards, int parityShards, PacketPool pool, FecStatistics? statistics = null)
        : this(dataShards, parityShards, pool, statistics, GaloisKernel.Best)
    {
    }

    internal FecDecoder(int dataShards, int parityShards, PacketPool pool, FecStatistics? statistics, GaloisKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(pool);
        _pool = pool;
        _kernel = kernel;
        Statistics = statistics ?? new FecStatistics();
        (_code, _window, _sequenceLimit, _recovered) = Configure(dataShards, parityShards);
    }

    /// <summary>Data datagrams of a group of the peer, as far as known.</summary>
    public int DataShards => _code.DataShards;

    /// <summary>Parity datagrams of a group of the peer, as far as known.</summary>
    public int ParityShards => _code.ParityShards;

    /// <summary>Whether the shard counts are in doubt, so that nothing is rebuilt until they are found.</summary>
    public bool IsTuning => _tuner.IsActive;

    /// <summary>What it counted.</summary>
    public FecStatistics Statistics { get; }

    /// <summary>
    /// Whether a datagram has an FEC header; otherwise it is plain KCP, whose command and fragment stand in the same
    /// place and cannot be mistaken for it (docs/wire/kcptun.md 4.2).
    /// </summary>
    public static bool IsFec(ReadOnlySpan<byte> datagram) => FecHeader.Read(datagram).Kind != FecPacketKind.None;

    /// <summary>Takes note of a datagram that starts with an FEC header. It stays the caller's.</summary>
    /// <returns>
    /// What it is. <see cref="FecPacketKind.Data"/> only if it is long enough to carry a datagram of the session.
    /// </returns>
    /// <exception cref="ObjectDisposedException">The decoder was disposed.</exception>
    public FecPacketKind Add(PacketBuffer datagram)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        ObjectDisposedException.ThrowIf(_disposed, this);
        DropRecovered();
        FecHeader header = FecHeader.Read(datagram.Payload);
        if (datagram.Length < MinDatagramLength || header.Kind == FecPacketKind.None)
        {
            Statistics.MalformedTooShort++;
            return FecPacketKind.None;
        }

        if (header.Kind == FecPacketKind.OutOfBand)
        {
            Statistics.OutOfBand++;
            return header.Kind;
        }

        bool isParity = header.Kind == FecPacketKind.Parity;
        _tuner.Record(header.Sequence, isParity);
        if (header.Sequence >= _sequenceLimit)
        {
            Statistics.MalformedSequence++;
            return header.Kind;
        }

        (uint number, uint position) = Math.DivRem(header.Sequence, (uint)_code.TotalShards);
        if (isParity != position >= DataShards && !_tuner.IsActive)
        {
            _tuner.Begin();
        }

        if (_tuner.IsActive)
        {
            Statistics.IgnoredWhileTuning++;
            Tune();
        }
        else
        {
            Store(datagram, number, (int)position, isParity);
        }

        return header.Kind;
    }

    /// <summary>
    /// Takes a datagram that the last <see cref="Add"/> rebuilt: what the ARQ of the peer sent, without FEC header and
    /// size. The caller owns it. Datagrams come in the order in which they were sent.
    /// </summary>
    public bool TryTakeRecovered([NotNullWhen(true)] out PacketBuffer? datagram)
    {
        if (_recoveredTaken == _recoveredCount)
        {
            datagram = null;
            return false;
        }

        datagram = _recovered[_recoveredTaken]!;
        _recovered[_recoveredTaken++] = null;
        return true;
    }

    /// <summary>Releases all buffers that it holds.</summary>
    public void Dispose()
    {
        _disposed = true;
        DropRecovered();
        CloseGroups(all: true);
    }

    /// <summary>What arrived without help.</summary>
    internal FecArrivalMeter Arrivals => _arrivals;

    /// <summary>The peer told its counts, so that they need not be found. It must be able to have them.</summary>
    internal void Trust(int dataShards, int parityShards)
    {
        _tuner.End();
        TakeOver(dataShards, parityShards);
    }

    /// <summary>Doubts the shard counts: nothing is rebuilt until they are found.</summary>
    internal void BeginTuning() => _tuner.Begin();

    /// <summary>
    /// Releases what it holds for groups that are not complete: a pause went by in which what they lack was repaired otherwise.
    /// </summary>
    internal void ForgetArrived()
    {
        foreach (FecGroup group in _groups)
        {
            group.Forget();
        }
    }

    private void Store(PacketBuffer datagram, uint number, int position, bool isParity)
    {
        switch (_window.Place(number, _openGroups == 0))
        {
            case FecGroupPlace.Outside:
                Statistics.OutsideWindow++;
                return;
            case FecGroupPlace.Advanced:
                CloseGroups(all: false);
                break;
            case FecGroupPlace.Restarted when _openGroups > 0:
                Statistics.Restarts++;
                CloseGroups(all: true);
                _arrivals.Restart();
                break;
        }

        if (!isParity)
        {
            Meter(number, position);
        }

        FecGroup group = FindOrOpen(number);
        Statistics.NewestGroup = _window.Newest;
        if (!group.TryMark(position))
        {
            return;
        }

        if (isParity)
        {
            Statistics.ParityShards++;
        }

        if (group.IsDone)
        {
            return;
        }

        group.Store(position, Keep(datagram));
        if (group.Count < DataShards)
        {
            return;
        }

        if (group.DataCount == DataShards)
        {
            Statistics.FullShardSets++;
        }
        else
        {
            Rebuild(group, datagram.Path);
        }

        group.Complete();
    }

    private static PacketSlice Keep(PacketBuffer datagram)
    {
        int length = datagram.Length - FecHeader.Size;
        if (length > SmallBody)
        {
            return datagram.Slice(FecHeader.Size, length);
        }

        PacketBuffer copy = s_smallBodies.Rent(headroom: 0);
        datagram.Payload[FecHeader.Size..].CopyTo(copy.Append(length));
        PacketSlice body = copy.Slice();
        copy.Release();
        return body;
    }

    private void Meter(uint number, int position)
    {
        long distance = (_window.Distance(number, _newestGroup) * DataShards) + position - _newestPosition;
        if (_arrivals.Add(distance))
        {
            _newestGroup = number;
            _newestPosition = position;
        }
    }

    private FecGroup FindOrOpen(uint number)
    {
        FecGroup? free = null;
        foreach (FecGroup group in _groups)
        {
            if (!group.IsOpen)
            {
                free = group;
            }
            else if (group.Number == number)
            {
                return group;
            }
        }

        // There are as many objects as numbers in the window, and none outside the window is open.
        free!.Open(number);
        _openGroups++;
        Statistics.ShardSets = _openGroups;
        return free;
    }

    /// <summary>Rebuilds the missing data of a group that holds exactly as many shards as it has data.</summary>
    private void Rebuild(FecGroup group, in DatagramPath path)
    {
        Span<byte> points = stackalloc byte[ReedSolomon.MaxShards];
        Span<byte> scratch = stackalloc byte[ReedSolomon.MaxShards];
        Span<byte> coefficients = stackalloc byte[ReedSolomon.MaxShards];
        int missingCount = DataShards - group.DataCount;
        Span<byte> missing = points[..missingCount];
        Span<byte> present = points.Slice(missingCount, DataShards);
        int longest = Sort(group, present, missing);
        if (longest > _pool.BufferSize)
        {
            Statistics.Errors++;
            return;
        }

        Span<PacketBuffer?> rebuilt = _recovered.AsSpan(0, missingCount);
        foreach (ref PacketBuffer? buffer in rebuilt)
        {
            buffer = _pool.Rent(headroom: 0);
            buffer.Append(longest).Clear();
            buffer.Path = path;
        }

        // A body that is shorter than the longest is padded with zeros, whose products add nothing.
        Interpolation interpolation = new(present, missing, scratch);
        for (int source = 0; source < present.Length; source++)
        {
            interpolation.Column(source, coefficients);
            _kernel.MultiplyAddRows(coefficients, group.Bodies[present[source]].Span, rebuilt, offset: 0);
        }

        Statistics.Recovered += missingCount;
        _recoveredCount = KeepPlausible(rebuilt);
    }

    /// <summary>
    /// Lists the positions of shards that are there, and of data that is not. Answers the longest body.
    /// </summary>
    private int Sort(FecGroup group, Span<byte> present, Span<byte> missing)
    {
        int longest = 0;
        int presentCount = 0;
        int missingCount = 0;
        for (int position = 0; presentCount < present.Length; position++)
        {
            PacketSlice body = group.Bodies[position];
            if (!body.IsDefault)
            {
                longest = Math.Max(longest, body.Length);
                present[presentCount++] = (byte)position;
            }
            else if (position < DataShards)
            {
                missing[missingCount++] = (byte)position;
            }
        }

        return longest;
    }

    /// <summary>
    /// Strips the size field of rebuilt bodies and cuts them to size; releases those whose size cannot be true, moving
    /// the others up. Answers how many are left.
    /// </summary>
    private int KeepPlausible(Span<PacketBuffer?> rebuilt)
    {
        int kept = 0;
        for (int i = 0; i < rebuilt.Length; i++)
        {
            PacketBuffer body = rebuilt[i]!;
            rebuilt[i] = null;
            int size = BinaryPrimitives.ReadUInt16LittleEndian(body.Payload);
            if (size < FecHeader.SizeField || size > body.Length)
            {
                Statistics.MalformedRebuiltSize++;
                body.Release();
                continue;
            }

            body.Truncate(size);
            body.Advance(FecHeader.SizeField);
            rebuilt[kept++] = body;
        }

        return kept;
    }

    private void Tune()
    {
        if (_tuner.TryConclude(out int dataShards, out int parityShards))
        {
            TakeOver(dataShards, parityShards);
        }
    }

    private void TakeOver(int dataShards, int parityShards)
    {
        if (dataShards == DataShards && parityShards == ParityShards)
        {
            return;
        }

        Statistics.Retunes++;
        CloseGroups(all: true);
        _arrivals.Restart();
        (_code, _window, _sequenceLimit, _recovered) = Configure(dataShards, parityShards);
        Statistics.NewestGroup = _window.Newest;
    }

    private (ReedSolomon Code, FecGroupWindow Window, uint SequenceLimit, PacketBuffer?[] Recovered) Configure(
        int dataShards, int parityShards)
    {
        ReedSolomon code = new(dataShards, parityShards);
        for (int i = 0; i < _groups.Length; i++)
        {
            _groups[i] = new FecGroup(dataShards, parityShards);
        }

        return (
            code,
            new FecGroupWindow(code.TotalShards),
            FecHeader.SequenceLimit(code.TotalShards),
            new PacketBuffer?[Math.Min(dataShards, parityShards)]);
    }

    private void CloseGroups(bool all)
    {
        foreach (FecGroup group in _groups)
        {
            if (group.IsOpen && (all || !_window.Contains(group.Number)))
            {
                group.Close();
                _openGroups--;
            }
        }

        Statistics.ShardSets = _openGroups;
    }

    private void DropRecovered()
    {
        while (TryTakeRecovered(out PacketBuffer? datagram))
        {
            datagram.Release();
        }

        _recoveredCount = 0;
        _recoveredTaken = 0;
    }
}
