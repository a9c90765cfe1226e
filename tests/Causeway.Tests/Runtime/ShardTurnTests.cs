using System.Net;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Runtime;
using Causeway.TestKit;

namespace Causeway.Tests.Runtime;

/// <summary>How long a thread that posts stays for what others posted meanwhile.</summary>
public sealed class ShardTurnTests
{
    private const int Rounds = 60;

    [Theory]
    [InlineData(false, 0, 4)]
    [InlineData(false, 300, 4)]
    [InlineData(false, 600, 2)]
    [InlineData(false, 5_000, 1)]
    [InlineData(true, 0, Rounds)]
    [InlineData(true, 100, 10)]
    [InlineData(true, 600, 2)]
    public async Task APostingThreadStaysForSoManyRoundsAndSoMuchTime(bool resumesInline, int roundMicroseconds, int expected)
    {
        VirtualTimeProvider time = new();
        await using Shard shard = new(new SilentLink(), new NoSessions(), new ShardClock(time), resumesInline);
        RepeatingItem item = new(shard, time.Clock, roundMicroseconds);

        // A thread of its own: no work of the pool can run on it, only what its call of Post stays for.
        int onPoster = 0;
        Thread poster = new(() =>
        {
            shard.Post(item);
            onPoster = item.RunsOn(Environment.CurrentManagedThreadId);
        });
        poster.Start();
        await item.Finished.Guarded();
        poster.Join();
        Assert.Equal(expected, onPoster);
    }

    /// <summary>Takes its time, and posts itself again.</summary>
    private sealed class RepeatingItem(Shard shard, VirtualClock clock, int microseconds) : ShardItem
    {
        private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly List<int> _threads = [];

        public Task Finished => _finished.Task;

        public int RunsOn(int thread)
        {
            lock (_threads)
            {
                return _threads.Count(one => one == thread);
            }
        }

        internal override void Run(Timestamp now)
        {
            clock.Advance(TimeSpan.FromMicroseconds(microseconds));
            int runs;
            lock (_threads)
            {
                _threads.Add(Environment.CurrentManagedThreadId);
                runs = _threads.Count;
            }

            if (runs < Rounds)
            {
                shard.Post(this);
            }
            else
            {
                _finished.SetResult();
            }
        }
    }

    private sealed class NoSessions : SessionTable
    {
        public override IDrivenSession? Find(PacketBuffer datagram, Timestamp now) => null;

        public override void Remove(IDrivenSession session, Timestamp now)
        {
        }

        public override IReadOnlyList<IDrivenSession> Snapshot() => [];
    }

    private sealed class SilentLink : IDatagramLink
    {
        public DatagramLinkCapabilities Capabilities { get; } = new() { MaxDatagramSize = 1500 };

        public EndPoint LocalEndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 1);

        public ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException("Nobody receives in these tests.");

        public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default) => default;

        public ValueTask DisposeAsync() => default;
    }
}
