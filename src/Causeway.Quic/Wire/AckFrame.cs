using Causeway.Protocol;

namespace Causeway.Quic.Wire;

/// <summary>ACK (RFC 9000, 19.3). All ranges were checked when the frame was read.</summary>
internal readonly ref struct AckFrame
{
    private readonly ReadOnlySpan<byte> _ranges;
    private readonly ReadOnlySpan<byte> _ecn;

    public AckFrame(scoped in Frame frame)
    {
        Largest = frame.First;
        EncodedDelay = frame.Second;
        RangeCount = frame.Third + 1;
        _ranges = frame.Data;
        _ecn = frame.More;
    }

    /// <summary>The largest packet number that is acknowledged.</summary>
    public long Largest { get; }

    /// <summary>The delay as it is on the wire.</summary>
    public long EncodedDelay { get; }

    /// <summary>How many ranges there are; at least one.</summary>
    public long RangeCount { get; }

    /// <summary>Whether there are counts of ECN marks.</summary>
    public bool HasEcn => !_ecn.IsEmpty;

    /// <summary>The delay in microseconds, or <see cref="VarInt.MaxValue"/> if there were more.</summary>
    /// <param name="exponent">The peer's ack_delay_exponent (RFC 9000, 18.2).</param>
    public long Delay(int exponent) =>
        EncodedDelay > VarInt.MaxValue >> exponent ? VarInt.MaxValue : EncodedDelay << exponent;

    /// <summary>The counts of ECN marks; zeros if there are none.</summary>
    public EcnCounts Ecn
    {
        get
        {
            WireReader reader = new(_ecn);
            return reader.TryReadVarInt(out long ect0)
                && reader.TryReadVarInt(out long ect1)
                && reader.TryReadVarInt(out long congested)
                ? new EcnCounts(ect0, ect1, congested)
                : default;
        }
    }

    /// <summary>The ranges, from the largest number down.</summary>
    public RangeEnumerator GetEnumerator() => new(Largest, _ranges);

    /// <summary>Goes through the ranges.</summary>
    internal ref struct RangeEnumerator
    {
        private WireReader _reader;
        private long _end;
        private bool _isFirst = true;

        internal RangeEnumerator(long largest, ReadOnlySpan<byte> ranges)
        {
            _reader = new WireReader(ranges);
            _end = largest;
        }

        /// <summary>The range: numbers from its start to before its end.</summary>
        public NumberRange Current { get; private set; }

        public bool MoveNext()
        {
            long gap = 0;
            if ((!_isFirst && !_reader.TryReadVarInt(out gap)) || !_reader.TryReadVarInt(out long length))
            {
                return false;
            }

            // Gap and length count from one (RFC 9000, 19.3.1). "_end" is the largest number, then the last smallest
            // one.
            long largest = _isFirst ? _end : _end - gap - 2;
            _isFirst = false;
            _end = largest - length;
            Current = new NumberRange(_end, largest + 1);
            return true;
        }
    }
}

/// <summary>How many packets came with which ECN codepoint (RFC 9000, 19.3.2).</summary>
internal readonly record struct EcnCounts(long Ect0, long Ect1, long CongestionExperienced);
