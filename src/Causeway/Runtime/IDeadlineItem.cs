namespace Causeway.Runtime;

/// <summary>What a <see cref="DeadlineHeap{T}"/> keeps in each of its items. Only the heap sets either.</summary>
internal interface IDeadlineItem
{
    /// <summary>The next deadline, or never.</summary>
    Timestamp Deadline { get; set; }

    /// <summary>The place in the heap, or -1.</summary>
    int HeapIndex { get; set; }
}
