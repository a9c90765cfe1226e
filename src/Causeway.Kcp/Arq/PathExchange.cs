using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>
/// Decides when to tell the peer what arrives here, and keeps what it tells (docs/design/path-report.md). Nothing is sent
/// unless one end announced that it makes use of it, and nothing makes a datagram leave by itself.
/// </summary>
internal sealed class PathExchange
{
    // A kcptun peer never answers, so announcing ends; doubling from 50 ms, the last one leaves after 25 seconds.
    private const int MaxAnnouncements = 10;
    private const long LeastInterval = 50_000;

    private const int MarkReportsInRoundTrip = 4;
    private const long LeastMarksInterval = 1_000;

    // Who sends without error correction wants to know whether marks would get here: after so many datagrams, then after
    // twice as many each time, and in the end once in so many.
    private const uint LeastDatagrams = 16;
    private const uint MostDatagrams = 1024;

    private PathReport _here;
    private PathReport _sent;
    private PathReport _there;
    private PathReport _taken;
    private PathReport _reportTaken;
    private Timestamp _sentAt = Timestamp.LongAgo;
    private Timestamp _marksSentAt = Timestamp.LongAgo;
    private Timestamp _announceAt = Timestamp.LongAgo;
    private int _announcements;
    private bool _isAnswerDue;

    /// <summary>What to announce, or null to leave it.</summary>
    public PathAnnouncement? Announcement { get; set; }

    /// <summary>What the peer announced, or null. It stays with its counts for as long as the session lives.</summary>
    public PathAnnouncement? PeerAnnouncement { get; private set; }

    /// <summary>Whether the peer has reported, and so understands all this.</summary>
    public bool HasReport { get; private set; }

    /// <summary>What arrived here so far.</summary>
    public PathReport Here => _here;

    /// <summary>The peer's newest report.</summary>
    public PathReport There => _there;

    /// <summary>A datagram arrived.</summary>
    public void OnArrived(EcnCodepoint mark)
    {
        unchecked
        {
            _here.Datagrams++;
            _here.Marked += mark == EcnCodepoint.CongestionExperienced ? 1u : 0;
            _here.Unmarked += mark is EcnCodepoint.Capable0 or EcnCodepoint.Capable1 ? 1u : 0;
        }
    }

    /// <summary>Sets what error correction has counted, which wraps as the report does.</summary>
    public void SetShards(long judged, long missing, long runs, long repaired)
    {
        unchecked
        {
            _here.Shards = (uint)judged;
            _here.Missing = (uint)missing;
            _here.Runs = (uint)runs;
            _here.Repaired = (uint)repaired;
        }
    }

    /// <summary>What should go along with a datagram that leaves now.</summary>
    public PathExtensionKind Due(long smoothedRtt, Timestamp now)
    {
        if (Announcement is not null && !HasReport && _announcements < MaxAnnouncements && now >= _announceAt)
        {
            return PathExtensionKind.Announcement;
        }

        if (PeerAnnouncement is not { } peer)
        {
            return PathExtensionKind.None;
        }

        // Marks ask for less now, so they are told at once, and then often enough for the sender to know which came after it
        // had answered; parity follows averages over many datagrams. The first ones that are capable of marks are a test,
        // whose outcome the peer waits for.
        bool hasMarks = _here.Marked != _sent.Marked && now.MicrosecondsSince(_marksSentAt) >= MarksInterval(smoothedRtt);
        bool isTest = !_sent.HasCapable && _here.HasCapable;
        bool hasOthers = peer.DataShards > 0
            ? _here.Shards != _sent.Shards
            : unchecked(_here.Datagrams - _sent.Datagrams) >= Math.Clamp(_sent.Datagrams, LeastDatagrams, MostDatagrams);
        bool areOthersDue = hasOthers && now.MicrosecondsSince(_sentAt) >= Math.Max(smoothedRtt, LeastInterval);
        return _isAnswerDue || isTest || hasMarks || areOthersDue
            ? PathExtensionKind.Report
            : PathExtensionKind.None;
    }

    /// <summary>Bytes of a payload.</summary>
    public static int SizeOf(PathExtensionKind kind) =>
        kind == PathExtensionKind.Announcement ? PathAnnouncement.Size : PathReport.Size;

    /// <summary>Writes what <see cref="Due"/> named.</summary>
    public void Write(PathExtensionKind kind, Span<byte> destination)
    {
        if (kind == PathExtensionKind.Announcement)
        {
            Announcement!.Value.Write(destination);
        }
        else
        {
            _here.Write(destination);
        }
    }

    /// <summary>It left.</summary>
    public void OnSent(PathExtensionKind kind, Timestamp now)
    {
        if (kind == PathExtensionKind.Announcement)
        {
            _announceAt = now.AddMicroseconds(LeastInterval << _announcements);
            _announcements++;
            return;
        }

        _marksSentAt = _here.Marked != _sent.Marked ? now : _marksSentAt;
        _sent = _here;
        _sentAt = now;
        _isAnswerDue = false;
    }

    /// <summary>Takes the payload of a window report. False if it is none of ours, or cannot be true.</summary>
    public bool TryTake(ReadOnlySpan<byte> payload)
    {
        switch (PathExtension.ReadKind(payload))
        {
            case PathExtensionKind.Announcement:
                return TryTake(PathAnnouncement.Read(payload));
            case PathExtensionKind.Report:
                return TryTake(PathReport.Read(payload));
            default:
                return false;
        }
    }

    /// <summary>What was reported since the last call, all of it 0 if nothing was.</summary>
    public PathReport TakeNews()
    {
        PathReport news = _there - _taken;
        _taken = _there;
        return news;
    }

    /// <summary>What arrived there since the last call, for those who care about marks. False if nothing was reported.</summary>
    public bool TryTakeReport(out PathReport news)
    {
        news = _there - _reportTaken;
        _reportTaken = _there;
        return news.Datagrams > 0;
    }

    private static long MarksInterval(long smoothedRtt) =>
        smoothedRtt > 0 ? Math.Max(smoothedRtt / MarkReportsInRoundTrip, LeastMarksInterval) : LeastInterval;

    private bool TryTake(PathAnnouncement announcement)
    {
        if (!announcement.IsValid || (PeerAnnouncement is { } earlier && earlier != announcement))
        {
            return false;
        }

        // Repeated until it is answered; an answer may be lost.
        PeerAnnouncement = announcement;
        _isAnswerDue = true;
        return true;
    }

    private bool TryTake(PathReport report)
    {
        PathReport difference = report - _there;
        if (HasReport && Sequence.Difference(report.Datagrams, _there.Datagrams) <= 0)
        {
            // Overtaken by a newer one.
            return true;
        }

        if (Announcement is null || !difference.IsPlausibleDifference)
        {
            return false;
        }

        HasReport = true;
        _there = report;
        return true;
    }
}
