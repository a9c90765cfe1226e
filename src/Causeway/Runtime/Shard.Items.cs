using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Runtime;

/// <content>What a shard posts to itself.</content>
internal sealed partial class Shard
{
    private sealed class TimerItem(Shard shard) : ShardItem
    {
        internal override void Run(Timestamp now) => shard._armedFor = Timestamp.Never;
    }

    private sealed class SendCompletion(Shard shard) : ShardItem
    {
        internal override void Run(Timestamp now)
        {
            shard._sending = false;
            shard.CompleteSend(shard._pendingSend, now);
            shard._pendingSend = default;
            shard._lastWords.MoveTo(shard._outgoing);
            shard._drained?.TrySetResult();
        }
    }

    private sealed class LinkFailure(Shard shard, IDatagramLink link, Exception error) : ShardItem
    {
        internal override void Run(Timestamp now)
        {
            if (shard._links.IsUsed(link))
            {
                shard.FailLink(error, now);
            }
        }
    }

    private sealed class StopItem(Shard shard, TaskCompletionSource stopped) : ShardItem
    {
        internal override void Run(Timestamp now)
        {
            try
            {
                // Peers are told, as far as the link takes it now.
                shard.CloseAll(new TransportException(TransportError.ConnectionClosed, "The connection was closed."), now);
                if (!shard._sending)
                {
                    shard.Send(now);
                }
            }
            finally
            {
                shard._stopped = true;
                stopped.TrySetResult();
            }
        }
    }

    /// <summary>The last item that matters: the pump has ended before it, and disposing the link ends a pending send.</summary>
    private sealed class DrainItem(Shard shard, TaskCompletionSource drained) : ShardItem
    {
        internal override void Run(Timestamp now)
        {
            shard._outgoing.Trim();
            shard._lastWords.ReleaseAll();
            shard._lastWords.Trim();
            shard._sessions.Close();
            if (!shard._sending)
            {
                drained.TrySetResult();
            }
            else if (shard._drained is { } earlier)
            {
                _ = earlier.Task.ContinueWith(
                    static (_, state) => ((TaskCompletionSource)state!).TrySetResult(), drained, TaskScheduler.Default);
            }
            else
            {
                shard._drained = drained;
            }
        }
    }
}
