using Causeway.Runtime;

namespace Causeway;

/// <content>What is posted to the connection's shard.</content>
public sealed partial class CausewayConnection
{
    private sealed class OpenItem(CausewayConnection connection, bool isUnidirectional, bool isReplaySafe) : ShardItem, IResumption
    {
        public bool IsUnidirectional => isUnidirectional;

        public bool IsReplaySafe => isReplaySafe;

        private CausewayStream? _stream;

        internal override CausewayConnection Connection => connection;

        public TaskCompletionSource<CausewayStream> Result { get; } = new(
            connection._shard.ResumesInline ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);

        internal override void Run(Timestamp now) => connection.Open(this, now);

        /// <summary>Gives the stream to who asked for it, or up if nobody does any more.</summary>
        public void Complete(CausewayStream stream)
        {
            _stream = stream;
            if (connection._shard.ResumesInline)
            {
                connection._shard.ResumeAfterTurn(this);
            }
            else
            {
                Resume();
            }
        }

        public void Resume()
        {
            if (!Result.TrySetResult(_stream!))
            {
                // Cancelled meanwhile: nobody will ever hold the stream.
                _stream!.Abort();
            }
        }
    }

    /// <summary>Hands the streams that a turn accepted to who waits for them.</summary>
    private sealed class AcceptResumption(CausewayConnection connection) : IResumption
    {
        public void Resume() => connection.PassAcceptedInline();
    }

    private sealed class CloseItem(CausewayConnection connection) : ShardItem
    {
        internal override CausewayConnection Connection => connection;

        internal override void Run(Timestamp now) => connection.BeginClose(now);
    }

    /// <summary>Makes a peer that only accepts known to the other one, which cannot open a stream before.</summary>
    private sealed class AnnounceItem(CausewayConnection connection) : ShardItem
    {
        internal override CausewayConnection Connection => connection;

        internal override void Run(Timestamp now) => connection.Announce();
    }

    private sealed class RefusalItem(CausewayConnection connection) : ShardItem
    {
        internal override CausewayConnection Connection => connection;

        internal override void Run(Timestamp now) => connection.OnRefused(now);
    }

    /// <summary>Gives the connection a turn.</summary>
    private sealed class TurnItem(CausewayConnection connection) : ShardItem
    {
        internal override CausewayConnection Connection => connection;

        internal override void Run(Timestamp now)
        {
            if (!connection.IsClosed)
            {
                connection._shard.MarkDirty(connection);
            }
        }
    }

    /// <summary>Finds the answer to a question of the session on the thread pool, and gives it on a turn.</summary>
    private sealed class AnswerItem(CausewayConnection connection, SessionQuestion question) : ShardItem, IThreadPoolWorkItem
    {
        private Exception? _error;

        internal override CausewayConnection Connection => connection;

        internal override void Run(Timestamp now)
        {
            if (!connection.IsClosed)
            {
                question.Give(_error, now);
                connection._shard.MarkDirty(connection);
            }
        }

        public void Execute() => _ = FindAsync();

        private async Task FindAsync()
        {
            try
            {
                await question.FindAsync(CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception error)
            {
                _error = error;
            }

            connection._shard.Post(this);
        }
    }

    /// <summary>Does nothing on its turn; posting it is what brings about another turn.</summary>
    private sealed class WakeItem : ShardItem
    {
        internal override void Run(Timestamp now)
        {
        }
    }

    private sealed class AbandonItem(CausewayConnection connection, TransportException reason) : ShardItem
    {
        internal override CausewayConnection Connection => connection;

        internal override void Run(Timestamp now) => connection.Abandon(reason, now);
    }
}
