namespace Causeway.Quic.Paths;

/// <summary>
/// Finds the largest datagram that a path carries (RFC 8899; RFC 9000, 14.3): from 1 200 bytes upwards, by packets that carry
/// nothing else. Where the path stops carrying what it did, it goes back to 1 200 and begins anew.
/// </summary>
internal sealed class MtuDiscovery
{
    // RFC 8899, 5.1.2: MAX_PROBES.
    private const int Attempts = 3;

    // A search ends where the next step would gain less.
    private const int Precision = 16;

    // RFC 8899, 5.1.1: PMTU_RAISE_TIMER.
    private const long RaiseMicroseconds = 600_000_000;

    private readonly int _most;
    private int _low = QuicLimits.MinInitialDatagramSize;
    private int _high;
    private int _probe;
    private int _attempts;
    private bool _isUnderWay;
    private Timestamp _raiseAt = Timestamp.Never;

    /// <param name="most">The largest datagram that link and settings allow.</param>
    public MtuDiscovery(int most)
    {
        _most = Math.Max(most, QuicLimits.MinInitialDatagramSize);
        _high = _most;
        _probe = _most;
    }

    /// <summary>The largest datagram that may be sent.</summary>
    public int Size => _low;

    /// <summary>Whether the search is over for now.</summary>
    public bool IsComplete => _high - _low < Precision;

    /// <summary>The peer takes no larger datagrams (max_udp_payload_size).</summary>
    public void Limit(long most)
    {
        _high = (int)Math.Min(_high, Math.Max(most, _low));
        _probe = Math.Min(_probe, _high);
    }

    /// <summary>The size of a probe to send now; 0 if none is due.</summary>
    public int NextProbe(Timestamp now)
    {
        if (IsComplete && now >= _raiseAt)
        {
            _high = _most;
            _probe = _most;
            _attempts = 0;
            _raiseAt = Timestamp.Never;
        }

        return _isUnderWay || IsComplete ? 0 : _probe;
    }

    /// <summary>A probe left.</summary>
    public void OnSent() => _isUnderWay = true;

    /// <summary>A probe arrived.</summary>
    public void OnAcknowledged(int size, Timestamp now)
    {
        _isUnderWay = false;
        _attempts = 0;
        _low = Math.Max(_low, size);
        Next(now);
    }

    /// <summary>A probe is lost.</summary>
    public void OnLost(int size, Timestamp now)
    {
        _isUnderWay = false;
        if (++_attempts < Attempts || size <= _low)
        {
            return;
        }

        _attempts = 0;
        _high = size - 1;
        Next(now);
    }

    /// <summary>Several timeouts passed in which full datagrams got lost: the path may have become narrower (RFC 8899, 4.3).</summary>
    public void OnBlackHole(Timestamp now)
    {
        _low = QuicLimits.MinInitialDatagramSize;
        _high = _low;
        _isUnderWay = false;
        _raiseAt = now.AddMicroseconds(RaiseMicroseconds / 10);
    }

    /// <summary>The path is another one.</summary>
    public void Reset()
    {
        _low = QuicLimits.MinInitialDatagramSize;
        _high = _most;
        _probe = _most;
        _attempts = 0;
        _isUnderWay = false;
        _raiseAt = Timestamp.Never;
    }

    // The largest size is tried first: most paths carry it. Then halves.
    private void Next(Timestamp now)
    {
        _probe = (_low + _high + 1) / 2;
        if (IsComplete)
        {
            _raiseAt = now.AddMicroseconds(RaiseMicroseconds);
        }
    }
}
