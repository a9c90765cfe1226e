namespace Causeway.Protocol;

/// <summary>
/// A token bucket over the bytes of whole datagrams: kcptun's <c>ratelimit</c> (docs/wire/kcptun.md 10.5). A datagram
/// may leave while the balance is positive and may overdraw it, so that no size of datagram or batch can block for
/// ever.
/// </summary>
internal sealed class RateLimiter
{
    /// <summary>The burst that the reference allows: 64 datagrams of 1500 bytes (docs/wire/kcptun.md 10.5).</summary>
    public const int DefaultBurst = 96000;

    private readonly long _bytesPerSecond;
    private readonly long _burst;
    private double _balance;
    private Timestamp _refilledAt;

    /// <summary>Makes a limiter whose bucket is full.</summary>
    /// <param name="bytesPerSecond">The rate, at least 1.</param>
    /// <param name="burst">The size of the bucket in bytes, at least 1.</param>
    public RateLimiter(long bytesPerSecond, long burst = DefaultBurst)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesPerSecond, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(burst, 1);
        _bytesPerSecond = bytesPerSecond;
        _burst = burst;
        _balance = burst;
    }

    /// <summary>Whether a datagram may leave now.</summary>
    public bool MaySend(Timestamp now)
    {
        long elapsed = now.MicrosecondsSince(_refilledAt);
        if (elapsed > 0)
        {
            _balance = Math.Min(_burst, _balance + (elapsed * (_bytesPerSecond / 1e6)));
            _refilledAt = now;
        }

        return _balance > 0;
    }

    /// <summary>A datagram of this many bytes leaves.</summary>
    public void OnSent(int bytes) => _balance -= bytes;

    /// <summary>When a datagram may leave again.</summary>
    public Timestamp NextSend => _balance > 0
        ? _refilledAt
        : _refilledAt.AddMicroseconds((long)Math.Ceiling((1 - _balance) * 1e6 / _bytesPerSecond));
}
