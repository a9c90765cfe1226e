using Causeway.Kcp.Arq;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Tests.Arq;

/// <summary>What the simulated path does to datagrams of one direction.</summary>
internal sealed record PathFaults
{
    public long DelayMicroseconds { get; init; } = 20_000;

    /// <summary>Up to this much more, at random, which reorders.</summary>
    public long JitterMicroseconds { get; init; }

    public double Loss { get; init; }

    public double Duplication { get; init; }

    /// <summary>Chance that a datagram begins a time in which all are lost.</summary>
    public double BurstStart { get; init; }

    public long BurstMicroseconds { get; init; } = 150_000;

    public (long From, long To) Blackout { get; init; } = (-1, -1);
}

/// <summary>
/// Two sessions, a lossy path between them, and virtual time: each turn delivers what has arrived, reads, writes,
/// flushes, and jumps to the next arrival or deadline.
/// </summary>
internal sealed class ArqSimulation : IDisposable
{
    private readonly Random _random;
    private readonly int _seed;
    private readonly PriorityQueue<(int To, byte[] Bytes), (long At, long Order)> _wire = new();
    private readonly End[] _ends;
    private readonly Timestamp[] _burstEnd = new Timestamp[2];
    private long _order;

    public ArqSimulation(
        int seed,
        ArqOptions options,
        PathFaults there,
        PathFaults? back = null,
        Func<CongestionController>? congestion = null,
        uint initialSequence = 0,
        long startMicroseconds = 0)
    {
        _seed = seed;
        _random = new Random(seed);
        Faults = [there, back ?? there];
        congestion ??= static () => new FixedController();
        Now = Start = new Timestamp(startMicroseconds);
        _ends =
        [
            new End(new ArqHarness(options, congestion(), initialSequence, initialSequence)),
            new End(new ArqHarness(options, congestion(), initialSequence, initialSequence)),
        ];
    }

    public PathFaults[] Faults { get; }

    public Timestamp Start { get; }

    public Timestamp Now { get; private set; }

    public ArqSession this[int end] => _ends[end].Harness.Session;

    public long Datagrams { get; private set; }

    /// <summary>Whether each end reads; an end that does not closes its window.</summary>
    public bool[] Reads { get; } = [true, true];

    public long Received(int end) => _ends[end].Received;

    /// <summary>Queues bytes for an end to write as its session takes them.</summary>
    public void Send(int end, long bytes) => _ends[end].ToWrite += bytes;

    /// <summary>Runs until everything queued has arrived and was acknowledged.</summary>
    public void RunToIdle(TimeSpan limit) => Run(
        limit,
        () => _ends.All(end => end.ToWrite == 0 && end.Harness.Session.IsIdle) && AllArrived(),
        mustFinish: true);

    /// <summary>Runs for a time.</summary>
    public void RunFor(TimeSpan duration) => Run(duration, static () => false, mustFinish: false);

    public void Dispose()
    {
        foreach (End end in _ends)
        {
            end.Harness.Dispose();
        }
    }

    private bool AllArrived() => _ends[0].Received == _ends[1].Written && _ends[1].Received == _ends[0].Written;

    private void Run(TimeSpan limit, Func<bool> isDone, bool mustFinish)
    {
        Timestamp end = Now + limit;
        int turnsAtThisTime = 0;
        while (true)
        {
            Turn();
            if (isDone())
            {
                return;
            }

            Timestamp next = Timestamp.Min(this[0].NextDeadline, this[1].NextDeadline);
            if (_wire.TryPeek(out _, out (long At, long Order) first))
            {
                next = Timestamp.Min(next, new Timestamp(first.At));
            }

            if (next > end)
            {
                Assert.False(mustFinish, $"seed {_seed}: not finished after {limit}; next event {next}; {Describe()}");
                Now = end;
                return;
            }

            turnsAtThisTime = next > Now ? 0 : turnsAtThisTime + 1;
            Assert.True(turnsAtThisTime < 20, $"seed {_seed}: livelock at {Now}; {Describe()}");
            Now = Timestamp.Max(Now, next);
        }
    }

    private void Turn()
    {
        while (_wire.TryPeek(out _, out (long At, long Order) first) && first.At <= Now.Microseconds)
        {
            (int to, byte[] bytes) = _wire.Dequeue();
            Assert.Equal(ArqInputResult.Ok, _ends[to].Harness.Input(Now, bytes));
        }

        for (int i = 0; i < 2; i++)
        {
            End end = _ends[i];
            if (Reads[i])
            {
                end.Read(_seed);
            }

            end.Write();
            bool expected = end.Harness.Session.HasPendingOutput(Now);
            byte[][] datagrams = end.Harness.Flush(Now);
            Assert.True(expected || datagrams.Length == 0, "a flush sent what HasPendingOutput did not announce");
            foreach (byte[] datagram in datagrams)
            {
                Datagrams++;
                Carry(1 - i, Faults[i], datagram);
            }
        }
    }

    private void Carry(int to, PathFaults faults, byte[] datagram)
    {
        if (_burstEnd[to] <= Now && _random.NextDouble() < faults.BurstStart)
        {
            _burstEnd[to] = Now.AddMicroseconds(faults.BurstMicroseconds);
        }

        long elapsed = Now.MicrosecondsSince(Start);
        bool lost = _random.NextDouble() < faults.Loss || _burstEnd[to] > Now
            || (elapsed >= faults.Blackout.From && elapsed < faults.Blackout.To);
        int copies = lost ? 0 : _random.NextDouble() < faults.Duplication ? 2 : 1;
        for (; copies > 0; copies--)
        {
            long at = Now.Microseconds + faults.DelayMicroseconds
                + (faults.JitterMicroseconds > 0 ? _random.NextInt64(faults.JitterMicroseconds) : 0);
            _wire.Enqueue((to, datagram), (at, _order++));
        }
    }

    private string Describe() => string.Join("; ", _ends.Select((end, i) =>
        $"end {i}: {end.ToWrite} to write, {end.Received} received, queue {end.Harness.Session.SendQueueLength}, "
        + $"buffer {end.Harness.Session.SendBufferLength}, deadline {end.Harness.Session.NextDeadline}, "
        + $"failure {end.Harness.Session.Failure}"));

    private sealed class End(ArqHarness harness)
    {
        private readonly byte[] _chunk = new byte[3000];

        public ArqHarness Harness { get; } = harness;

        public long ToWrite { get; set; }

        public long Written { get; private set; }

        public long Received { get; private set; }

        public void Write()
        {
            for (int capacity; ToWrite > 0 && (capacity = Harness.Session.WriteCapacity) > 0;)
            {
                int length = (int)Math.Min(Math.Min(capacity, _chunk.Length), ToWrite);
                for (int i = 0; i < length; i++)
                {
                    _chunk[i] = ByteAt(Written + i);
                }

                Harness.Session.Write(_chunk.AsSpan(0, length));
                Written += length;
                ToWrite -= length;
            }
        }

        public void Read(int seed)
        {
            while (Harness.Session.TryRead(out PacketSlice slice))
            {
                foreach (byte value in slice.Span)
                {
                    if (value != ByteAt(Received))
                    {
                        Assert.Fail($"seed {seed}: wrong byte at {Received}");
                    }

                    Received++;
                }

                slice.Release();
            }
        }

        // No short period, so that a segment in the wrong place shows.
        private static byte ByteAt(long position) => (byte)((ulong)position * 0x9E3779B97F4A7C15 >> 56);
    }
}
