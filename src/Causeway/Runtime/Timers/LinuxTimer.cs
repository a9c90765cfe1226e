namespace Causeway.Runtime.Timers;

/// <summary>A timer of the <see cref="LinuxTimerQueue"/>.</summary>
internal sealed class LinuxTimer(LinuxTimerQueue queue, Action expired) : ShardTimer, IDeadlineItem, IThreadPoolWorkItem
{
    Timestamp IDeadlineItem.Deadline { get; set; } = Timestamp.Never;

    int IDeadlineItem.HeapIndex { get; set; } = -1;

    public override void Arm(long microseconds) => queue.Set(this, LinuxTimerQueue.Now.AddMicroseconds(microseconds));

    public override ValueTask DisposeAsync()
    {
        queue.Set(this, Timestamp.Never);
        return ValueTask.CompletedTask;
    }

    void IThreadPoolWorkItem.Execute() => expired();
}
