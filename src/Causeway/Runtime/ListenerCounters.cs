namespace Causeway.Runtime;

/// <summary>What one table counts of <see cref="ListenerStatistics"/>; it has one writer.</summary>
internal sealed class ListenerCounters
{
    public long WithoutSession;
    public long OtherSession;
    public long ClosedSession;
    public long Replayed;
    public long BacklogFull;
    public long ConnectionLimit;
    public long LayerFaults;
    public long UnknownSession;
    public long GoodbyesSent;
    public long GoodbyesWithheld;
    public long HandedOver;
    public long HandOversDropped;
}
