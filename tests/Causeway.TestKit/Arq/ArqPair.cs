using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>
/// Two ARQ sessions and the network between them, in virtual time: a whole connection in one object.
/// </summary>
/// <example>
/// <code>
/// using ArqPair pair = new(FaultPlans.Named("Lossy5", seed: 42));
/// TransferResult result = pair.Transfer(1_000_000, 0, TimeSpan.FromMinutes(1));
/// Assert.True(result.IsComplete);
/// pair.Close();
/// </code>
/// </example>
public sealed class ArqPair : IDisposable
{
    // Clocks of different origins, one of which passes the end of a 32-bit count of microseconds two seconds after the start.
    private static readonly TimeSpan s_firstClock = TimeSpan.FromMicroseconds((1L << 32) - 2_000_000);
    private static readonly TimeSpan s_secondClock = TimeSpan.FromSeconds(17);

    /// <summary>Makes a pair.</summary>
    /// <param name="plan">What the network does.</param>
    /// <param name="first">Settings of the first endpoint, the one with the client's role.</param>
    /// <param name="second">Settings of the second endpoint; those of the first unless given.</param>
    /// <param name="pool">
    /// Every buffer of the pair. Unless given, one that knows what is out, so that <see cref="Close"/> finds a leak, but not who
    /// rented it: to know that, give one that tracks with stack traces.
    /// </param>
    public ArqPair(
        FaultPlan plan, ArqEndpointOptions? first = null, ArqEndpointOptions? second = null, PacketPool? pool = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        first ??= new ArqEndpointOptions();
        second ??= first;
        Pool = pool ?? new PacketPool(track: true);
        Network = new SimulatedNetwork(plan.Seed, Pool);
        bool checksum = plan.Corrupts;
        ulong up = SeededRandom.Derive(plan.Seed, 1);
        ulong down = SeededRandom.Derive(plan.Seed, 2);
        First = new ArqEndpoint(first with { Checksum = first.Checksum || checksum }, Pool, up, down);
        Second = new ArqEndpoint(
            second with { Checksum = second.Checksum || checksum, FollowsPeer = true }, Pool, down, up);
        FirstHost = Network.Attach("first", First, clockOffset: s_firstClock);
        SecondHost = Network.Attach("second", Second, clockOffset: s_secondClock);
        (Forward, Backward) = Network.Connect(FirstHost, SecondHost, plan);
    }

    /// <summary>The network between the two.</summary>
    public SimulatedNetwork Network { get; }

    /// <summary>Every buffer of the pair.</summary>
    public PacketPool Pool { get; }

    /// <summary>The endpoint with the client's role.</summary>
    public ArqEndpoint First { get; }

    /// <summary>The endpoint with the server's role; it follows the other one's address.</summary>
    public ArqEndpoint Second { get; }

    /// <summary>The first endpoint's place in the network.</summary>
    public SimulatedHost FirstHost { get; }

    /// <summary>The second endpoint's place in the network.</summary>
    public SimulatedHost SecondHost { get; }

    /// <summary>The path from the first to the second.</summary>
    public SimulatedPath Forward { get; }

    /// <summary>The path from the second to the first.</summary>
    public SimulatedPath Backward { get; }

    /// <summary>Whether a session gave up.</summary>
    public bool HasFailed => First.Session.Failure is not null || Second.Session.Failure is not null;

    /// <summary>
    /// Sends so many more bytes each way and runs until all were read and acknowledged, or a session gave up. Every byte is
    /// compared with the one that was written.
    /// </summary>
    /// <param name="forward">Bytes from the first to the second.</param>
    /// <param name="backward">Bytes from the second to the first.</param>
    /// <param name="limit">Virtual time within which it has to end, one way or the other.</param>
    /// <exception cref="SimulationException">
    /// A byte was lost, repeated or changed, or the time passed; the message holds plan, seed, counters and the last events.
    /// </exception>
    public TransferResult Transfer(long forward, long backward, TimeSpan limit)
    {
        First.ToWrite += forward;
        Second.ToWrite += backward;
        Timestamp start = Network.Clock.Now;
        long wire = Forward.SentBytes + Backward.SentBytes;
        long payload = First.Read + Second.Read;
        Timestamp readAt = Timestamp.Never;
        Network.RunUntil(
            () =>
            {
                Check();
                if (readAt.IsNever && IsAllRead)
                {
                    readAt = Network.Clock.Now;
                }

                return HasFailed || (IsAllRead && First.Session.IsIdle && Second.Session.IsIdle);
            },
            limit);
        return new TransferResult
        {
            IsComplete = IsAllRead && !HasFailed,
            Elapsed = (HasFailed ? Network.Clock.Now : readAt) - start,
            PayloadBytes = First.Read + Second.Read - payload,
            WireBytes = Forward.SentBytes + Backward.SentBytes - wire,
            Fingerprint = Network.Log.Fingerprint,
        };
    }

    /// <summary>Fails if a byte was out of place.</summary>
    /// <exception cref="SimulationException">It was.</exception>
    public void Check()
    {
        if ((First.Violation ?? Second.Violation) is { } violation)
        {
            throw Network.Failure(violation);
        }

        if (First.Read > Second.ToWrite || Second.Read > First.ToWrite)
        {
            throw Network.Failure("More bytes were read than written");
        }
    }

    /// <summary>Ends both sessions, drops what is under way, and fails if a buffer is still out.</summary>
    /// <exception cref="InvalidOperationException">A buffer leaked; the message says how many.</exception>
    public void Close()
    {
        Dispose();
        Pool.ThrowIfOutstanding();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
        Network.Clear();
    }

    private bool IsAllRead => First.Read == Second.ToWrite && Second.Read == First.ToWrite;
}
