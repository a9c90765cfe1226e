namespace Causeway.Kcp.Arq;

/// <summary>
/// Counters of one <see cref="ArqSession"/>, never reset. Read them on the session's own thread, or accept a torn
/// view.
/// </summary>
public sealed class ArqStatistics
{
    /// <summary>Segments received in datagrams without an error (kcptun's InSegs).</summary>
    public long InSegments { get; internal set; }

    /// <summary>Segments sent, all commands (kcptun's OutSegs).</summary>
    public long OutSegments { get; internal set; }

    /// <summary>Data segments sent, retransmissions included.</summary>
    public long OutDataSegments { get; internal set; }

    /// <summary>Bytes delivered to the reader.</summary>
    public long BytesReceived { get; internal set; }

    /// <summary>Bytes taken from the writer.</summary>
    public long BytesSent { get; internal set; }

    /// <summary>Segments sent again because enough later ones were acknowledged (kcptun's FastRetransSegs).</summary>
    public long FastRetransmits { get; internal set; }

    /// <summary>
    /// Segments sent again after fewer, because nothing new was there to provoke more (kcptun's EarlyRetransSegs).
    /// </summary>
    public long EarlyRetransmits { get; internal set; }

    /// <summary>Segments sent again because their timer ran out (kcptun's LostSegs).</summary>
    public long Timeouts { get; internal set; }

    /// <summary>Segments sent again to find out what was lost, when nothing was heard for a round trip.</summary>
    public long TailLossProbes { get; internal set; }

    /// <summary>Second copies of segments of a thin stream.</summary>
    public long Copies { get; internal set; }

    /// <summary>The share of segments lost lately, from 0 to 1.</summary>
    public double LossRate { get; internal set; }

    /// <summary>Retransmissions that turned out needless: the earlier transmission was acknowledged.</summary>
    public long SpuriousRetransmits { get; internal set; }

    /// <summary>Data segments received that were duplicates, old or beyond the window (kcptun's RepeatSegs).</summary>
    public long Repeated { get; internal set; }

    /// <summary>Datagrams shorter than a segment header.</summary>
    public long InErrorsTooShort { get; internal set; }

    /// <summary>Datagrams with a segment of another conversation.</summary>
    public long InErrorsWrongConversation { get; internal set; }

    /// <summary>Datagrams with a segment longer than the datagram.</summary>
    public long InErrorsBadLength { get; internal set; }

    /// <summary>Datagrams with a segment of an unknown command.</summary>
    public long InErrorsUnknownCommand { get; internal set; }

    /// <summary>Datagrams that ended in an error of any kind (kcptun's KCPInErrors).</summary>
    public long InErrors =>
        InErrorsTooShort + InErrorsWrongConversation + InErrorsBadLength + InErrorsUnknownCommand;

    /// <summary>Acknowledgements of data that was never sent; a broken or lying peer.</summary>
    public long InvalidAcknowledgements { get; internal set; }

    /// <summary>Acknowledgements of what was acknowledged before; reordering and retransmissions cause them.</summary>
    public long StaleAcknowledgements { get; internal set; }

    /// <summary>Acknowledgements that were given up because the list of them was full.</summary>
    public long AcknowledgementsDropped { get; internal set; }

    /// <summary>
    /// Datagrams that a router marked instead of dropping them, by the peer's reports; see <see cref="ArqOptions.Ecn"/>.
    /// </summary>
    public long CongestionMarks { get; internal set; }

    /// <summary>
    /// Payloads of window reports and acknowledgements that were skipped: not understood, or their counts cannot be
    /// true.
    /// </summary>
    public long InvalidPathReports { get; internal set; }

    /// <summary>Window probes sent.</summary>
    public long WindowProbes { get; internal set; }

    /// <summary>The smoothed round-trip time; zero before the first sample.</summary>
    public TimeSpan SmoothedRtt { get; internal set; }

    /// <summary>The retransmission timeout without back-off.</summary>
    public TimeSpan Rto { get; internal set; }

    /// <summary>Payload bytes sent, neither acknowledged nor deemed lost.</summary>
    public long BytesInFlight { get; internal set; }
}
