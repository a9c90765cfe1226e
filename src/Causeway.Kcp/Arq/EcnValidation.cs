using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>
/// Decides which datagrams leave capable of marks, by what the peer reports of those that did: RFC 9000 section 13.4.2 and
/// appendix A.4, with totals of a session in place of counts for each acknowledgement.
/// </summary>
/// <remarks>
/// <code>
/// Off --a report: the peer counts--> Testing --ten have left--> Unconfirmed
/// Testing, Unconfirmed --a report of one of them--> Capable
/// Unconfirmed --what left later arrives, and none of them--> Failed
/// Testing, Unconfirmed, Capable --a report that contradicts--> Failed
/// Capable --timeouts in a row--> Off
/// </code>
/// Totals need no book of what left when: whatever of the arrivals was neither reported as capable nor sent otherwise lost its
/// bits on the way, and what got lost only makes that fewer.
/// </remarks>
internal sealed class EcnValidation
{
    // Section 13.4.2: should the path drop such datagrams, no more than these are lost.
    private const int TestDatagrams = 10;

    // Copies that a network makes of datagrams are in what arrived but not in what left: some are forgiven, and a share of
    // one in sixteen. Less than the test, or a path that clears the bits would pass it.
    private const int Tolerance = TestDatagrams - 2;
    private const int ToleratedShare = 16;

    // So many that left after the test have arrived, at least, before it counts as lost.
    private const int LeastOvertaking = 16;

    // A queue is short again after a fraction of so many reductions.
    private const int MostRoundsOfMarksAlone = 16;
    private const int LeastMarksAlone = 100;

    private uint _sentCapable;
    private uint _sentPlain;
    private uint _sentWithTest;
    private uint _sentBeforeTest;
    private uint _arrivedBeforeTest;
    private int _roundsOfMarksAlone;
    private long _marksAlone;
    private Timestamp _markedRoundAt;

    public EcnState State { get; private set; }

    /// <summary>Whether the next datagram is to be capable of marks.</summary>
    public bool IsNextCapable => State is EcnState.Testing or EcnState.Capable;

    /// <summary>The mark of a datagram that leaves now; to be called once for each.</summary>
    public EcnCodepoint OnSent()
    {
        if (!IsNextCapable)
        {
            unchecked
            {
                _sentPlain++;
            }

            return EcnCodepoint.NotCapable;
        }

        unchecked
        {
            _sentCapable++;
        }

        if (State == EcnState.Testing && unchecked(_sentCapable - _sentBeforeTest) >= TestDatagrams)
        {
            EndTest();
        }

        return EcnCodepoint.Capable0;
    }

    /// <summary>
    /// Several timeouts in a row went by without an answer. If it is another path now, one that drops what is capable of marks,
    /// nothing would ever get through: so the rest leaves without, and what is reported then begins with another test.
    /// </summary>
    public void OnSilence()
    {
        if (State == EcnState.Testing)
        {
            EndTest();
        }
        else if (State == EcnState.Capable)
        {
            State = EcnState.Off;
        }
    }

    /// <summary>The peer reported. False if what it says of marks is not to be believed.</summary>
    /// <param name="total">All that arrived there.</param>
    /// <param name="news">How much more that is than in the report before.</param>
    /// <param name="smoothedRtt">The smoothed round-trip time in microseconds.</param>
    /// <param name="now">The time.</param>
    public bool OnReport(in PathReport total, in PathReport news, long smoothedRtt, Timestamp now)
    {
        uint capable = unchecked(total.Marked + total.Unmarked);
        if (State is EcnState.Off or EcnState.Failed)
        {
            State = State == EcnState.Off ? EcnState.Testing : EcnState.Failed;
            _sentBeforeTest = _sentCapable;
            _arrivedBeforeTest = capable;
            return false;
        }

        // Differences of totals that wrap together.
        int cleared = unchecked((int)(total.Datagrams - capable - _sentPlain));
        int invented = unchecked((int)(capable - _sentCapable));
        if (cleared > Tolerance + (_sentPlain / ToleratedShare) || invented > Tolerance + (_sentCapable / ToleratedShare)
            || (capable == _arrivedBeforeTest && IsTestOvertaken(in total)) || IsMarkingEverything(in news, smoothedRtt, now))
        {
            State = EcnState.Failed;
            return false;
        }

        if (capable != _arrivedBeforeTest)
        {
            State = EcnState.Capable;
        }

        return true;
    }

    private void EndTest()
    {
        State = EcnState.Unconfirmed;
        _sentWithTest = unchecked(_sentPlain + _sentCapable);
    }

    // Section 13.4.2: all of them were dropped, or cleared by a path that lost as many others.
    private bool IsTestOvertaken(in PathReport total) =>
        State == EcnState.Unconfirmed && unchecked((int)(total.Datagrams - _sentWithTest)) >= LeastOvertaking;

    // A router marks while its queue is long. Where round trip after round trip nothing arrives without a mark, however much
    // less is sent, the marks are not about the queue; or they are about one that this sender cannot shorten, to which losses
    // are as good an answer.
    private bool IsMarkingEverything(in PathReport news, long smoothedRtt, Timestamp now)
    {
        if (news.Unmarked > 0)
        {
            _roundsOfMarksAlone = 0;
            _marksAlone = 0;
            return false;
        }

        _marksAlone += news.Marked;
        if (news.Marked > 0 && now.MicrosecondsSince(_markedRoundAt) >= smoothedRtt)
        {
            _markedRoundAt = now;
            _roundsOfMarksAlone++;
        }

        return _roundsOfMarksAlone >= MostRoundsOfMarksAlone && _marksAlone >= LeastMarksAlone;
    }
}
