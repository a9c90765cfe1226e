namespace Causeway.Runtime;

/// <summary>What one table counts of <see cref="ListenerStatistics"/>; it has one writer.</summary>
internal sealed class ListenerCounters
{
    public long WithoutConversation;
    public long WrongConversation;
    public long ClosedConversation;
    public long BacklogFull;
    public long ConnectionLimit;
    public long UnknownConversation;
    public long GoodbyesSent;
    public long GoodbyesWithheld;
    public long HandedOver;
    public long HandOversDropped;
}
