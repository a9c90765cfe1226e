using System.Buffers.Binary;

using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Fec;

/// <summary>
/// Adds kcptun's FEC header to the datagrams of a session and makes the parity of each group (docs/wire/kcptun.md 4.1
/// to 4.5).
/// </summary>
/// <remarks>
/// <para>
/// Calls come in this order: <see cref="Encode"/> for a datagram that is about to leave; if it answers n &gt; 0, take
/// the n parity datagrams by <see cref="TakeParity"/> and send them right behind it. What is not taken before the next
/// <see cref="Encode"/> is dropped.
/// </para>
/// <para>
/// A datagram is added to the parity of its group when it passes, and not kept: the encoder holds as many buffers as a
/// group has parity datagrams, whatever the number of data datagrams. One direction of one session; not thread-safe.
/// </para>
/// </remarks>
public sealed class FecEncoder : IDisposable
{
    /// <summary>Bytes that <see cref="Encode"/> adds in front of a datagram: sequence id, type and size.</summary>
    public const int HeaderSize = FecHeader.Size + FecHeader.SizeField;

    /// <summary>The longest datagram that the 16-bit size field can describe, which counts itself.</summary>
    public const int MaxDatagramLength = ushort.MaxValue - FecHeader.SizeField;

    /// <summary>
    /// Fillers before one datagram of the session at most. In groups of two, each of them might ask for another.
    /// </summary>
    internal const int MaxFillers = 2;

    // The reference's constant (docs/wire/kcptun.md 4.4): after a pause parity would come too late to help anybody.
    private const long PauseMicroseconds = 500_000;

    // A group that is interrupted for this long gives its parity up: what it would repair was repaired long ago, and a session
    // that only sends keep-alives would hold as many buffers as a busy one.
    private const long AbandonMicroseconds = 5_000_000;

    // The reference of 2021 needs an undisturbed run of two groups whose sequence ids do not wrap at its 258 samples
    // (docs/wire/kcptun.md 4.7, appendix A). Losses make it wait for the next turn of the samples; so do groups that
    // are nearly as long.
    private const int GuardedGroups = 64;

    private readonly ReedSolomon _code;
    private readonly GaloisKernel _kernel;
    private readonly PacketPool _pool;
    private readonly uint _sequenceLimit;

    // The parity of the group so far, each a whole datagram whose header is written when the group is complete. All
    // have the length of the longest data datagram of the group. Null where none was rented or where it was taken.
    private readonly PacketBuffer?[] _parity;

    private uint _nextSequence;
    private int _parityToSend;
    private int _parityOfGroup;
    private Timestamp _groupStart;
    private int _collected;
    private int _ready;
    private int _longestBody;
    private bool _oversized;
    private bool _abandoned;
    private bool _disposed;
    private Timestamp? _previous;

    /// <summary>Makes an encoder.</summary>
    /// <param name="dataShards">Data datagrams of a group, at least 1.</param>
    /// <param name="parityShards">
    /// Parity datagrams of a group, at least 1; at most 256 together with the former.
    /// </param>
    /// <param name="pool">
    /// Where parity datagrams are rented. Its buffers should be as large as those of the data.
    /// </param>
    /// <param name="firstSequence">
    /// The first sequence id, a multiple of the size of a group. kcptun begins at 0.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    public FecEncoder(int dataShards, int parityShards, PacketPool pool, uint firstSequence = 0)
        : this(dataShards, parityShards, pool, firstSequence, GaloisKernel.Best)
    {
    }

    internal FecEncoder(int dataShards, int parityShards, PacketPool pool, uint firstSequence, GaloisKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(pool);
        _code = new ReedSolomon(dataShards, parityShards);
        _kernel = kernel;
        _pool = pool;
        _sequenceLimit = FecHeader.SequenceLimit(_code.TotalShards);
        if (firstSequence >= _sequenceLimit || firstSequence % (uint)_code.TotalShards != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(firstSequence),
                firstSequence,
                $"The first sequence id must be a multiple of {_code.TotalShards} below {_sequenceLimit}.");
        }

        _nextSequence = firstSequence;
        _parity = new PacketBuffer?[parityShards];
        _parityToSend = parityShards;
        _parityOfGroup = parityShards;
    }

    /// <summary>Data datagrams of a group.</summary>
    public int DataShards => _code.DataShards;

    /// <summary>Parity datagrams of a group.</summary>
    public int ParityShards => _code.ParityShards;

    /// <summary>
    /// Parity datagrams that are made and sent for each group that begins from now on, 0 to <see cref="ParityShards"/>, at
    /// first all. The sequence ids of the others are skipped (a punctured code), so that a receiver takes them for lost.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public int ParityToSend
    {
        get => _parityToSend;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, ParityShards);
            _parityToSend = value;
        }
    }

    /// <summary>The sequence id of the next datagram.</summary>
    public uint NextSequence => _nextSequence;

    /// <summary>
    /// Groups that went without parity because a pause of 500 ms or more preceded their last datagram, or one of 5 s any but
    /// their first.
    /// </summary>
    public long PausedGroups { get; private set; }

    /// <summary>Groups that went without parity because a datagram was larger than the pool's buffers hold.</summary>
    public long OversizedGroups { get; private set; }

    /// <summary>Datagrams that were encoded.</summary>
    public long DataSent { get; private set; }

    /// <summary>Parity datagrams that were made.</summary>
    public long ParitySent { get; private set; }

    /// <summary>
    /// How long a group takes from its first datagram to its parity, smoothed, in microseconds; -1 before the first.
    /// </summary>
    internal long GroupSpanMicroseconds { get; private set; } = -1;

    /// <summary>
    /// Prepends the header to a datagram, which stays the caller's, and adds it to the parity of its group.
    /// </summary>
    /// <param name="datagram">
    /// A datagram of the session, at most <see cref="MaxDatagramLength"/> bytes, with <see cref="HeaderSize"/> bytes of
    /// headroom.
    /// </param>
    /// <param name="now">The time, by which a pause is told. It does not run backwards.</param>
    /// <returns>How many parity datagrams are ready: none, or all of a group.</returns>
    /// <exception cref="ArgumentException">The datagram is too long.</exception>
    /// <exception cref="InvalidOperationException">The datagram has too little headroom.</exception>
    /// <exception cref="ObjectDisposedException">The encoder was disposed.</exception>
    public int Encode(PacketBuffer datagram, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (datagram.Length > MaxDatagramLength)
        {
            throw new ArgumentException(
                $"A datagram of {datagram.Length} bytes is longer than the {MaxDatagramLength} that FEC can carry.", nameof(datagram));
        }

        int bodyLength = datagram.Length + FecHeader.SizeField;
        FecHeader.WriteData(datagram.Prepend(HeaderSize), TakeSequence(), bodyLength);
        DataSent++;
        if (_collected > 0 && IsAfter(AbandonMicroseconds, now))
        {
            _abandoned = true;
            ReleaseParity();
        }

        if (_collected == 0)
        {
            StartGroup(datagram.Headroom, now);
        }

        Accumulate(datagram);

        // Only the gap before the last datagram of a group counts, and the very first datagram has none before it,
        // which counts as a pause: with one data shard it gets no parity (docs/wire/kcptun.md 4.4).
        bool paused = IsAfterPause(now);
        _previous = now;
        if (++_collected < DataShards)
        {
            return 0;
        }

        _collected = 0;
        MeasureSpan(now);
        if (_parityOfGroup > 0 && (paused || _oversized || _abandoned))
        {
            _ = paused || _abandoned ? PausedGroups++ : OversizedGroups++;
            SkipSequences(ParityShards);
            return 0;
        }

        foreach (PacketBuffer? parity in _parity.AsSpan(0, _parityOfGroup))
        {
            FecHeader.WriteParity(parity!.Payload, TakeSequence());
            parity.Path = datagram.Path;
        }

        SkipSequences(ParityShards - _parityOfGroup);
        _ready = _parityOfGroup;
        ParitySent += _ready;
        return _ready;
    }

    /// <summary>
    /// One of the parity datagrams that the last <see cref="Encode"/> announced, header included, with the headroom
    /// that the group's first datagram had left and the peer of its last. The caller owns it.
    /// </summary>
    /// <param name="index">
    /// From 0 to one less than <see cref="Encode"/> answered. They leave in this order, each once.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such datagram.</exception>
    /// <exception cref="InvalidOperationException">It was taken before.</exception>
    public PacketBuffer TakeParity(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_ready, nameof(index));
        PacketBuffer parity = _parity[index] ?? throw new InvalidOperationException($"Parity datagram {index} was taken before.");
        _parity[index] = null;
        return parity;
    }

    /// <summary>
    /// How long a datagram of nothing but <paramref name="unit"/>-sized segments has to be that leaves before the
    /// session's next datagram; 0 if none need leave. To be asked again after each, up to <see cref="MaxFillers"/>
    /// times. See <see cref="FecSizeGuard"/>.
    /// </summary>
    /// <param name="datagramLength">The length of the session's next datagram.</param>
    /// <param name="unit">Bytes of a segment of the filler.</param>
    /// <param name="maxLength">The most bytes that the filler may have.</param>
    /// <param name="now">The time: after a pause no parity follows.</param>
    internal int FillerLength(int datagramLength, int unit, int maxLength, Timestamp now)
    {
        // With one data shard parity is a copy of the data indeed.
        int left = DataShards - _collected;
        int parity = _collected > 0 ? _parityOfGroup : _parityToSend;
        if (left > 2 || parity == 0 || DataShards == 1 || _oversized || (_collected > 0 && _abandoned) || IsAfterPause(now)
            || _nextSequence >= GuardedGroups * _code.TotalShards)
        {
            return 0;
        }

        Span<ushort> soFar = stackalloc ushort[parity];
        soFar.Clear();
        if (_collected > 0)
        {
            for (int i = 0; i < soFar.Length; i++)
            {
                soFar[i] = BinaryPrimitives.ReadUInt16LittleEndian(_parity[i]!.Payload[FecHeader.Size..]);
            }
        }

        FecSizeGuard guard = new(_code, firstParity: _nextSequence + (uint)left, unit, Math.Min(maxLength, MaxDatagramLength));
        return guard.Choose(left, soFar, _collected > 0 ? _longestBody : 0, datagramLength);
    }

    /// <summary>Releases the buffers that it holds.</summary>
    public void Dispose()
    {
        _disposed = true;
        _ready = 0;
        ReleaseParity();
    }

    private void ReleaseParity()
    {
        foreach (ref PacketBuffer? parity in _parity.AsSpan())
        {
            parity?.Release();
            parity = null;
        }
    }

    private bool IsAfterPause(Timestamp now) => IsAfter(PauseMicroseconds, now);

    private bool IsAfter(long pause, Timestamp now) =>
        _previous is not { } previous || now.MicrosecondsSince(previous) >= pause;

    private void Accumulate(PacketBuffer datagram)
    {
        if (_parityOfGroup == 0 || _abandoned)
        {
            return;
        }

        ReadOnlySpan<byte> body = datagram.Payload[FecHeader.Size..];
        if (_oversized || !GrowParity(body.Length))
        {
            _oversized = true;
            return;
        }

        _kernel.MultiplyAddRows(
            _code.ParityColumn(_collected)[.._parityOfGroup], body, _parity.AsSpan(0, _parityOfGroup), FecHeader.Size);
    }

    private void StartGroup(int headroom, Timestamp now)
    {
        _ready = 0;
        _longestBody = 0;
        _oversized = false;
        _abandoned = false;
        _groupStart = now;
        _parityOfGroup = _parityToSend;
        foreach (ref PacketBuffer? surplus in _parity.AsSpan(_parityOfGroup))
        {
            surplus?.Release();
            surplus = null;
        }

        foreach (ref PacketBuffer? parity in _parity.AsSpan(0, _parityOfGroup))
        {
            if (parity is null)
            {
                parity = _pool.Rent(headroom);
            }
            else
            {
                parity.Reset(headroom);
            }

            _ = parity.Append(FecHeader.Size);
        }
    }

    /// <summary>Pads the parity with zeros to the longest body of the group.</summary>
    private bool GrowParity(int bodyLength)
    {
        int missing = bodyLength - _longestBody;
        if (missing <= 0)
        {
            return true;
        }

        if (missing > _parity[0]!.Tailroom)
        {
            return false;
        }

        _longestBody = bodyLength;
        foreach (PacketBuffer? parity in _parity.AsSpan(0, _parityOfGroup))
        {
            parity!.Append(missing).Clear();
        }

        return true;
    }

    // The sequence ids of parity that is not sent are consumed, so that positions stay aligned
    // (docs/wire/kcptun.md 4.4).
    private void SkipSequences(int count)
    {
        _nextSequence += (uint)count;
        if (_nextSequence == _sequenceLimit)
        {
            _nextSequence = 0;
        }
    }

    // A pause says nothing about the flow before and after it, so it counts for no more than this.
    private void MeasureSpan(Timestamp now)
    {
        long span = Math.Min(now.MicrosecondsSince(_groupStart), PauseMicroseconds);
        GroupSpanMicroseconds = GroupSpanMicroseconds < 0 ? span : GroupSpanMicroseconds + ((span - GroupSpanMicroseconds) / 4);
    }

    private uint TakeSequence()
    {
        uint sequence = _nextSequence++;
        if (_nextSequence == _sequenceLimit)
        {
            _nextSequence = 0;
        }

        return sequence;
    }
}
