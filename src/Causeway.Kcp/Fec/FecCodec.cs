using System.Diagnostics.CodeAnalysis;
using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Fec;

/// <summary>
/// Forward error correction of one session: an encoder if it is switched on here, and a decoder as soon as the peer
/// turns out to use it. Nothing is negotiated; each side copes with whatever the other sends (docs/wire/kcptun.md 1.2,
/// 4.2).
/// </summary>
/// <remarks>
/// See <see cref="FecEncoder"/> and <see cref="FecDecoder"/> for the order of calls. Not thread-safe.
/// </remarks>
public sealed class FecCodec : IDisposable
{
    private readonly PacketPool _pool;
    private readonly FecOptions _options;
    private readonly FecEncoder? _encoder;
    private readonly FecRateController? _rate;
    private FecDecoder? _decoder;
    private PathAnnouncement _peer;
    private bool _peerReports;

    /// <summary>Makes the codec of a session.</summary>
    /// <param name="options">What to send, and what to expect first of the peer.</param>
    /// <param name="pool">Where parity and rebuilt datagrams are rented.</param>
    /// <param name="statistics">Counters to add to; its own if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public FecCodec(FecOptions options, PacketPool pool, FecStatistics? statistics = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(pool);
        options.Validate();
        _pool = pool;
        _options = options;
        if (options.IsEnabled)
        {
            _encoder = new FecEncoder(options.DataShards, options.ParityShards, pool);
        }

        if (options.IsEnabled && options.IsAdaptive)
        {
            _rate = new FecRateController(options);
            _encoder!.ParityToSend = 0;
        }

        Statistics = statistics ?? new FecStatistics();
    }

    /// <summary>Bytes that <see cref="Encode"/> adds in front of a datagram: 8, or 0 if FEC is off here.</summary>
    public int Overhead => _encoder is null ? 0 : FecEncoder.HeaderSize;

    /// <summary>The encoder, or null if FEC is off here.</summary>
    public FecEncoder? Encoder => _encoder;

    /// <summary>What chooses how much parity is sent, or null if that is fixed or FEC is off here.</summary>
    public FecRateController? Rate => _rate;

    /// <summary>The decoder, or null before the peer's first FEC datagram.</summary>
    public FecDecoder? Decoder => _decoder;

    /// <summary>What the decoder counted.</summary>
    public FecStatistics Statistics { get; }

    /// <summary>
    /// Prepends the header to a datagram and adds it to its group, or leaves it alone if FEC is off here or, where it adapts,
    /// has not begun: first the peer reports, or turns out to use the same counts. With others, a reference that misses
    /// some datagram rebuilds garbage from the gaps that skipped sequence ids leave. See
    /// <see cref="FecEncoder.Encode"/>.
    /// </summary>
    /// <returns>How many parity datagrams are to be taken.</returns>
    public int Encode(PacketBuffer datagram, Timestamp now) => _encoder is null || !IsStarted ? 0 : _encoder.Encode(datagram, now);

    /// <summary>
    /// How long a filler is to be sent before a datagram; 0 for none. See <see cref="FecSizeGuard"/>. A peer that
    /// sends with FEC has counts of its own to begin with, and guesses nothing; nor does one for which parity adapts.
    /// </summary>
    internal int FillerLength(int datagramLength, int unit, int maxLength, Timestamp now) =>
        _encoder is null || _decoder is not null || _rate is not null ? 0 : _encoder.FillerLength(datagramLength, unit, maxLength, now);

    /// <summary>Takes a parity datagram. See <see cref="FecEncoder.TakeParity"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such datagram.</exception>
    public PacketBuffer TakeParity(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, _encoder?.ParityShards ?? 0);
        return _encoder!.TakeParity(index);
    }

    /// <summary>
    /// Takes note of a datagram from the peer, which stays the caller's.
    /// </summary>
    /// <returns>
    /// What is the session's part of it: with <see cref="FecPacketKind.Data"/> the bytes from
    /// <see cref="FecEncoder.HeaderSize"/> on, with <see cref="FecPacketKind.None"/> all of it (plain KCP, or a damaged
    /// FEC datagram, which is too short to be taken for KCP), otherwise nothing.
    /// </returns>
    public FecPacketKind Add(PacketBuffer datagram)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        if (!FecDecoder.IsFec(datagram.Payload))
        {
            return FecPacketKind.None;
        }

        _decoder ??= NewDecoder();
        return _decoder.Add(datagram);
    }

    /// <summary>Takes a rebuilt datagram. See <see cref="FecDecoder.TryTakeRecovered"/>.</summary>
    public bool TryTakeRecovered([NotNullWhen(true)] out PacketBuffer? datagram)
    {
        datagram = null;
        return _decoder is not null && _decoder.TryTakeRecovered(out datagram);
    }

    /// <summary>Releases all buffers that it holds.</summary>
    public void Dispose()
    {
        _encoder?.Dispose();
        _decoder?.Dispose();
    }

    /// <summary>The peer told its shard counts, which may be none.</summary>
    internal void OnAnnounced(PathAnnouncement peer)
    {
        _peer = peer;
        if (peer.DataShards > 0)
        {
            _decoder?.Trust(peer.DataShards, peer.ParityShards);
        }
    }

    /// <summary>The peer reported what it has missed since the last time.</summary>
    internal void OnReport(in PathReport news)
    {
        _peerReports = true;
        _rate?.OnReport(in news);
    }

    /// <summary>
    /// Sets the parity of the groups to come, and answers how long a datagram that gets lost may have to wait for being
    /// rebuilt, in microseconds; 0 while no parity is sent.
    /// </summary>
    /// <param name="lossRate">The sender's own view of losses.</param>
    /// <param name="smoothedRtt">In microseconds, 0 before the first sample.</param>
    /// <param name="now">The time.</param>
    internal long Adapt(double lossRate, long smoothedRtt, Timestamp now)
    {
        if (_encoder is null)
        {
            return 0;
        }

        long span = Math.Max(0, _encoder.GroupSpanMicroseconds);
        if (_rate is not null)
        {
            _rate.OnLossRate(lossRate, now);

            // A retransmission arrives a round trip later than the original would have. Where groups take longer than two of
            // them to fill, parity comes too late for most of what it could rebuild.
            bool isLate = smoothedRtt > 0 && span > 2 * smoothedRtt;
            _encoder.ParityToSend = isLate ? 0 : _rate.ParityShards;
        }

        return _encoder.ParityToSend > 0 ? span : 0;
    }

    private bool IsStarted => _rate is null || _peerReports || HasPeerOurCounts;

    private bool HasPeerOurCounts => _decoder is { IsTuning: false }
        && _decoder.DataShards == _options.DataShards && _decoder.ParityShards == _options.ParityShards;

    // Whatever this end uses is no more than a guess at what the peer does, and rebuilding by wrong counts makes
    // garbage whose size, conversation and command are believable (see FecSizeGuard). So the counts are found, or
    // confirmed, before anything is rebuilt (docs/wire/kcptun.md 4.7); what the guess saves is the change of the
    // decoder's tables when it proves right.
    private FecDecoder NewDecoder()
    {
        if (_peer.DataShards > 0)
        {
            return new FecDecoder(_peer.DataShards, _peer.ParityShards, _pool, Statistics);
        }

        FecDecoder decoder = _options.IsEnabled
            ? new FecDecoder(_options.DataShards, _options.ParityShards, _pool, Statistics)
            : new FecDecoder(1, 1, _pool, Statistics);
        decoder.BeginTuning();
        return decoder;
    }
}
