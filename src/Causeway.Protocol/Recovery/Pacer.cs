namespace Causeway.Protocol.Recovery;

/// <summary>
/// A token bucket that spreads data over time. Bursts are about a millisecond of the rate, which one batched system
/// call takes well and a router's queue hardly notices.
/// </summary>
internal sealed class Pacer(int datagramSize)
{
    private const long MicrosecondsPerSecond = 1_000_000;
    private const long MaxRate = 1_000_000_000_000;

    // A timer that fires late must not cost rate: what a waiting sender missed, it may catch up within this many
    // bursts.
    private const int LateBursts = 4;

    // In millionths of a byte, so that no fraction is lost between two refills.
    private long _tokens;
    private long _rate;
    private Timestamp _refilledAt;

    /// <summary>Whether it is holding data back until <see cref="ReadyAt"/>.</summary>
    public bool IsWaiting { get; private set; }

    /// <summary>When the next burst may leave.</summary>
    public Timestamp ReadyAt =>
        _refilledAt.AddMicroseconds(Math.Max(0, ((Quantum - _tokens) + _rate - 1) / Math.Max(1, _rate)));

    // What a waiting sender waits for.
    private long Quantum => Math.Max(_rate * 1000, datagramSize * MicrosecondsPerSecond);

    /// <summary>Whether a datagram may leave now.</summary>
    /// <param name="bytesPerSecond">The rate, or 0 for no limit.</param>
    /// <param name="now">The time.</param>
    public bool CanSend(long bytesPerSecond, Timestamp now)
    {
        if (bytesPerSecond <= 0)
        {
            IsWaiting = false;
            _rate = 0;
            return true;
        }

        if (_rate == 0)
        {
            _refilledAt = now;
            _rate = Math.Min(bytesPerSecond, MaxRate);
            _tokens = Burst;
        }

        Refill(now);
        _rate = Math.Min(bytesPerSecond, MaxRate);
        IsWaiting = IsWaiting ? _tokens < Quantum : _tokens <= 0;
        return !IsWaiting;
    }

    /// <summary>A datagram's part left.</summary>
    public void OnSent(int bytes)
    {
        if (_rate > 0)
        {
            _tokens -= bytes * MicrosecondsPerSecond;
        }
    }

    private long Burst => Math.Max(_rate * 1000, 2 * datagramSize * MicrosecondsPerSecond);

    private void Refill(Timestamp now)
    {
        // Beyond a second every bucket is full; the bound keeps the product within 64 bits.
        long elapsed = Math.Min(now.MicrosecondsSince(_refilledAt), MicrosecondsPerSecond);
        long limit = IsWaiting ? Burst * LateBursts : Burst;
        _tokens = Math.Min(_tokens + (elapsed * _rate), Math.Max(limit, _tokens));
        _refilledAt = now;
    }
}
