namespace Causeway.Runtime;

/// <summary>
/// What any thread has posted to a shard: a stack through the items themselves, pushed without a lock and taken as a whole by
/// whoever runs the turn.
/// </summary>
internal struct ShardInbox
{
    private ShardItem? _newest;

    /// <summary>Whether nothing has been posted since the last <see cref="TakeAll"/>.</summary>
    public readonly bool IsEmpty => Volatile.Read(in _newest) is null;

    /// <summary>Adds an item that is in no inbox.</summary>
    public void Push(ShardItem item)
    {
        ShardItem? head;
        do
        {
            head = Volatile.Read(ref _newest);
            item.Next = head;
        }
        while (Interlocked.CompareExchange(ref _newest, item, head) != head);
    }

    /// <summary>Takes everything out.</summary>
    /// <returns>The oldest item, linked to those posted after it in their order; null if there is none.</returns>
    public ShardItem? TakeAll()
    {
        ShardItem? item = Interlocked.Exchange(ref _newest, null);
        ShardItem? oldest = null;
        while (item is not null)
        {
            ShardItem? next = item.Next;
            item.Next = oldest;
            oldest = item;
            item = next;
        }

        return oldest;
    }
}
