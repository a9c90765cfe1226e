using System.Net;
using System.Threading.Channels;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.Runtime;
using Causeway.TestKit;

namespace Causeway.Tests.Runtime;

/// <summary>What a session says last reaches the link, whatever the link is busy with: nothing repeats it.</summary>
public sealed class ShardLastWordTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ItLeavesThoughASendIsUnderWay(bool isBusy)
    {
        PacketPool pool = new();
        VirtualTimeProvider time = new();
        await using GatedLink link = new();
        TaskCompletionSource said = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (Shard shard = new(link, new NoSessions(), new ShardClock(time), resumesInline: false))
        {
            if (isBusy)
            {
                shard.Post(new Item(now =>
                {
                    PacketBuffer first = pool.Rent();
                    first.Append(1)[0] = 1;
                    shard.SendOrDrop(first, now);
                }));
            }

            using LastSession session = new(pool);
            shard.Post(new Item(now =>
            {
                shard.SayLastWord(session, now);
                said.SetResult();
            }));
            await said.Task.Guarded();
            Assert.True(session.IsClosing);
            link.Open();
            byte[] expected = isBusy ? [1, 2] : [2];
            foreach (byte one in expected)
            {
                Assert.Equal(one, await link.Sent.Reader.ReadAsync().AsTask().Guarded());
            }

            // A session that is closing has said it.
            said = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            shard.Post(new Item(now =>
            {
                shard.SayLastWord(session, now);
                said.SetResult();
            }));
            await said.Task.Guarded();
        }

        Assert.False(link.Sent.Reader.TryRead(out _));
        pool.ThrowIfOutstanding();
    }

    private sealed class Item(Action<Timestamp> run) : ShardItem
    {
        internal override void Run(Timestamp now) => run(now);
    }

    private sealed class NoSessions : SessionTable
    {
        public override IDrivenSession? Find(PacketBuffer datagram, Timestamp now) => null;

        public override void Remove(IDrivenSession session, Timestamp now)
        {
        }

        public override IReadOnlyList<IDrivenSession> Snapshot() => [];
    }

    /// <summary>Sends nothing before it is opened, and notes the first byte of everything that was sent.</summary>
    private sealed class GatedLink : IDatagramLink
    {
        private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Channel<byte> Sent { get; } = Channel.CreateUnbounded<byte>();

        public DatagramLinkCapabilities Capabilities { get; } = new() { MaxDatagramSize = 1500 };

        public EndPoint LocalEndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 1);

        public void Open() => _opened.TrySetResult();

        public ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException("Nobody receives in these tests.");

        public async ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
        {
            await _opened.Task;
            foreach (PacketBuffer one in buffers.ToArray())
            {
                Sent.Writer.TryWrite(one.Payload[0]);
            }
        }

        public ValueTask DisposeAsync()
        {
            Open();
            return default;
        }
    }

    /// <summary>A session that has one datagram to send, once it closes.</summary>
    private sealed class LastSession(PacketPool pool) : TransportSession(EndpointRole.Server), IDrivenSession
    {
        private bool _isClosing;

        public TransportSession Session => this;

        public DatagramPath Path => default;

        public bool IsDirty { get; set; }

        public bool IsClosed => false;

        public Timestamp Deadline { get; set; } = Timestamp.Never;

        public int HeapIndex { get; set; } = -1;

        public Timestamp CloseDeadline => Timestamp.Never;

        public GoodbyeReason? LastWord => GoodbyeReason.BacklogFull;

        public override uint RoutingId => 1;

        public override StreamSession Streams => throw new NotSupportedException();

        public override TransportStatistics Statistics => throw new NotSupportedException();

        public override TransportFailure? Failure => null;

        public override bool IsIdle => true;

        public override Timestamp NextDeadline => Timestamp.Never;

        public override Timestamp WaitingSince => Timestamp.Never;

        public override bool IsClosing => _isClosing;

        public override bool IsDrained => false;

        public override bool HearsGoodbye => true;

        public override bool IsNamedBy(PacketBuffer datagram) => false;

        public override void BeginClose(GoodbyeReason reason, Timestamp now)
        {
            Assert.Equal(GoodbyeReason.BacklogFull, reason);
            _isClosing = true;
        }

        public override bool Flush(PacketBatch batch, DatagramPath path, Timestamp now)
        {
            PacketBuffer word = pool.Rent();
            word.Append(1)[0] = 2;
            batch.Add(word);
            return false;
        }

        public bool Flush(PacketBatch batch, Timestamp now) => Flush(batch, Path, now);

        public override void Probe()
        {
        }

        public override void Input(PacketBuffer datagram, Timestamp now)
        {
        }

        public override void Deliver(Timestamp now)
        {
        }

        public void AfterTurn(Timestamp now)
        {
        }

        public void Abandon(TransportException reason, Timestamp now)
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
