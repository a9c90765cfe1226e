namespace Causeway;

/// <summary>
/// Datagrams that a listener could not give to a connection, by reason. Values may be read at any time.
/// </summary>
public sealed class ListenerStatistics
{
    internal ListenerStatistics()
    {
    }

    /// <summary>From an unknown address without a conversation id, e.g. a parity shard (spec 5.12).</summary>
    public long WithoutConversation { get; internal set; }

    /// <summary>From a known address, of another conversation, but not the first datagram of one.</summary>
    public long WrongConversation { get; internal set; }

    /// <summary>Late ones of a conversation that was closed here within the last two minutes.</summary>
    public long ClosedConversation { get; internal set; }

    /// <summary>
    /// Refused because <see cref="CausewayListenerOptions.ConnectionBacklog"/> connections were waiting.
    /// </summary>
    public long BacklogFull { get; internal set; }

    /// <summary>Refused because <see cref="CausewayListenerOptions.MaxConnections"/> were open.</summary>
    public long ConnectionLimit { get; internal set; }
}
