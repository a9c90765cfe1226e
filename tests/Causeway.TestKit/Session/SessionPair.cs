using Causeway.Kcp.Smux;
using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>
/// Two sessions, client and server, with all their layers and the network between them, in virtual time.
/// </summary>
/// <example>
/// <code>
/// using SessionPair pair = new(FaultPlans.Named("Lossy5", seed: 42), new SessionEndpointOptions());
/// pair.Open(pair.Client, bytes: 100_000, answer: 1_000_000);
/// Assert.True(pair.Transfer(TimeSpan.FromMinutes(1)).IsComplete);
/// pair.Close();
/// </code>
/// </example>
public sealed class SessionPair : IDisposable
{
    // Clocks of different origins, one of which passes the end of a 32-bit count of microseconds two seconds after the start.
    private static readonly TimeSpan s_clientClock = TimeSpan.FromMicroseconds((1L << 32) - 2_000_000);
    private static readonly TimeSpan s_serverClock = TimeSpan.FromSeconds(17);

    private readonly Dictionary<long, long> _answers = [];

    /// <summary>Makes a pair.</summary>
    /// <param name="plan">What the network does.</param>
    /// <param name="client">Settings of the client.</param>
    /// <param name="server">Settings of the server; those of the client unless given.</param>
    /// <param name="pool">Every buffer of the pair; one that finds leaks unless given.</param>
    public SessionPair(
        FaultPlan plan, SessionEndpointOptions client, SessionEndpointOptions? server = null, PacketPool? pool = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(client);
        server ??= client;
        Pool = pool ?? new PacketPool(track: true, stackTraces: false);
        Network = new SimulatedNetwork(plan.Seed, Pool);
        ulong content = SeededRandom.Derive(plan.Seed, 3);
        Client = New(client, EndpointRole.Client, s_clientClock);
        Server = New(server, EndpointRole.Server, s_serverClock);
        Client.OnAccepted = Answer;
        Server.OnAccepted = Answer;
        ClientHost = Network.Attach("client", Client, clockOffset: s_clientClock);
        ServerHost = Network.Attach("server", Server, clockOffset: s_serverClock);
        (Forward, Backward) = Network.Connect(ClientHost, ServerHost, plan);

        SessionEndpoint New(SessionEndpointOptions options, EndpointRole role, TimeSpan clock) => new(
            options with { Checksum = options.Checksum || plan.Corrupts }, role, Pool, content, Network.Clock.Now + clock);
    }

    /// <summary>The network between the two.</summary>
    public SimulatedNetwork Network { get; }

    /// <summary>Every buffer of the pair.</summary>
    public PacketPool Pool { get; }

    /// <summary>The client.</summary>
    public SessionEndpoint Client { get; }

    /// <summary>The server; it follows the client's address.</summary>
    public SessionEndpoint Server { get; }

    /// <summary>The client's place in the network.</summary>
    public SimulatedHost ClientHost { get; }

    /// <summary>The server's place in the network.</summary>
    public SimulatedHost ServerHost { get; }

    /// <summary>The path from the client to the server.</summary>
    public SimulatedPath Forward { get; }

    /// <summary>The path from the server to the client.</summary>
    public SimulatedPath Backward { get; }

    /// <summary>Whether a session failed.</summary>
    public bool HasFailed => Client.Session.Failure is not null || Server.Session.Failure is not null;

    /// <summary>Whether every byte of every stream was read, in both directions.</summary>
    public bool IsAllRead
    {
        get
        {
            foreach ((long id, SessionStream stream) in Client.Streams)
            {
                if (!IsRead(stream, Server.Streams.GetValueOrDefault(id)))
                {
                    return false;
                }
            }

            foreach ((long id, SessionStream stream) in Server.Streams)
            {
                if (!IsRead(stream, Client.Streams.GetValueOrDefault(id)))
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Opens a stream and has both ends write on it.</summary>
    /// <param name="opener">The end that opens it.</param>
    /// <param name="bytes">Bytes that the opener writes.</param>
    /// <param name="answer">Bytes that the other end writes once it has the stream.</param>
    public SessionStream Open(SessionEndpoint opener, long bytes, long answer)
    {
        ArgumentNullException.ThrowIfNull(opener);
        SessionStream stream = opener.Open();
        _answers.Add(stream.Mux.Id, answer);
        stream.Write(bytes);
        WakeBoth();
        return stream;
    }

    /// <summary>Runs until every byte of every stream was read and acknowledged, or a session failed.</summary>
    /// <param name="limit">Virtual time within which it has to end, one way or the other.</param>
    /// <exception cref="SimulationException">
    /// A byte was lost, repeated or changed, or the time passed; the message holds plan, seed, counters and the last events.
    /// </exception>
    public TransferResult Transfer(TimeSpan limit)
    {
        Timestamp start = Network.Clock.Now;
        Timestamp readAt = Timestamp.Never;
        long wire = Forward.SentBytes + Backward.SentBytes;
        long payload = ReadBytes;
        RunUntil(
            () =>
            {
                if (readAt.IsNever && IsAllRead)
                {
                    readAt = Network.Clock.Now;
                }

                return HasFailed || (!readAt.IsNever && Client.Session.IsIdle && Server.Session.IsIdle);
            },
            limit);
        return new TransferResult
        {
            IsComplete = !readAt.IsNever && !HasFailed,
            Elapsed = (readAt.IsNever ? Network.Clock.Now : readAt) - start,
            PayloadBytes = ReadBytes - payload,
            WireBytes = Forward.SentBytes + Backward.SentBytes - wire,
            Fingerprint = Network.Log.Fingerprint,
        };
    }

    /// <summary>Runs until a condition holds, and checks what the applications see on the way.</summary>
    /// <exception cref="SimulationException">The time passed, or an application saw what must not be.</exception>
    public void RunUntil(Func<bool> condition, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(condition);
        WakeBoth();
        Network.RunUntil(
            () =>
            {
                Check();
                return condition();
            },
            limit);
    }

    /// <summary>Closes every stream at both ends and runs until neither session knows one any more, or one failed.</summary>
    /// <param name="limit">Virtual time within which it has to happen.</param>
    public void CloseStreams(TimeSpan limit)
    {
        foreach (SessionStream stream in Client.Streams.Values.Concat(Server.Streams.Values))
        {
            stream.Mux.Close();
        }

        RunUntil(() => HasFailed || (Client.Session.Streams.StreamCount == 0 && Server.Session.Streams.StreamCount == 0), limit);
    }

    /// <summary>Gives both endpoints a turn in the next step.</summary>
    public void WakeBoth()
    {
        ClientHost.Wake();
        ServerHost.Wake();
    }

    /// <summary>Fails if an application saw what must not be.</summary>
    /// <exception cref="SimulationException">It did.</exception>
    public void Check()
    {
        if ((Client.Violation ?? Server.Violation) is { } violation)
        {
            throw Network.Failure(violation);
        }
    }

    /// <summary>Ends both sessions, drops what is under way, and fails if a buffer is still out.</summary>
    /// <exception cref="InvalidOperationException">A buffer leaked.</exception>
    public void Close()
    {
        Dispose();
        Pool.ThrowIfOutstanding();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
        Network.Clear();
    }

    private long ReadBytes =>
        Client.Streams.Values.Sum(static stream => stream.Read) + Server.Streams.Values.Sum(static stream => stream.Read);

    private static bool IsRead(SessionStream writer, SessionStream? reader) =>
        reader is not null && reader.Read == writer.ToWrite && writer.Read == reader.ToWrite;

    private void Answer(SessionStream stream) => stream.Write(_answers.GetValueOrDefault(stream.Mux.Id));
}
