using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>A QUIC client and server, and the network between them, in virtual time.</summary>
internal sealed class QuicPair : IDisposable
{
    private readonly Dictionary<long, long> _answers = [];
    private readonly HashSet<long> _finished = [];

    public QuicPair(
        FaultPlan plan, QuicPeerOptions? client = null, QuicPeerOptions? server = null, PacketPool? pool = null, TimeSpan startAt = default)
    {
        Pool = pool ?? new PacketPool(track: true, stackTraces: false);
        Network = new SimulatedNetwork(plan.Seed, Pool);
        Network.Run(startAt);
        ulong content = SeededRandom.Derive(plan.Seed, 3);
        TimeSpan serverClock = TimeSpan.FromSeconds(17);
        Client = new QuicPeer(EndpointRole.Client, client ?? new QuicPeerOptions(), Pool, content, Network.Clock.Now);
        Server = new QuicPeer(EndpointRole.Server, server ?? client ?? new QuicPeerOptions(), Pool, content, Network.Clock.Now + serverClock);
        Client.OnAccepted = Answer;
        Server.OnAccepted = Answer;
        ClientHost = Network.Attach("client", Client);
        ServerHost = Network.Attach("server", Server, clockOffset: serverClock);
        (Forward, Backward) = Network.Connect(ClientHost, ServerHost, plan);
    }

    public PacketPool Pool { get; }

    public SimulatedNetwork Network { get; }

    public QuicPeer Client { get; }

    public QuicPeer Server { get; }

    public SimulatedHost ClientHost { get; }

    public SimulatedHost ServerHost { get; }

    public SimulatedPath Forward { get; }

    public SimulatedPath Backward { get; }

    public bool HasFailed => Client.Failure is not null || Server.Failure is not null;

    public QuicPair Connect(TimeSpan? limit = null)
    {
        RunUntil(
            () => HasFailed || (Client.Session!.IsConfirmed && Server.Session is { IsConfirmed: true }),
            limit ?? TimeSpan.FromSeconds(20));
        return this;
    }

    public SessionStream Open(long bytes, long answer)
    {
        SessionStream stream = Client.Open();
        _answers.Add(stream.Mux.Id, answer);
        stream.Write(bytes);
        ClientHost.Wake();
        return stream;
    }

    /// <summary>Opens a stream for one request and its answer: both ends finish it with the last byte.</summary>
    public SessionStream Ask(long bytes, long answer)
    {
        SessionStream stream = Open(bytes, answer);
        _finished.Add(stream.Mux.Id);
        stream.Mux.FinishWrites();
        return stream;
    }

    /// <summary>A stream is over for the test, and costs no turn any more.</summary>
    public void Forget(SessionStream stream)
    {
        _answers.Remove(stream.Mux.Id);
        _finished.Remove(stream.Mux.Id);
        Server.Forget(stream.Mux.Id);
        Client.Forget(stream.Mux.Id);
    }

    /// <summary>Runs until every byte of every stream was read.</summary>
    /// <returns>The virtual time that it took.</returns>
    public TimeSpan Transfer(TimeSpan limit)
    {
        Timestamp start = Network.Clock.Now;
        RunUntil(() => HasFailed || IsAllRead, limit);
        if (HasFailed)
        {
            throw Network.Failure("A session failed");
        }

        return Network.Clock.Now - start;
    }

    public void RunUntil(Func<bool> condition, TimeSpan limit)
    {
        ClientHost.Wake();
        ServerHost.Wake();
        Network.RunUntil(
            () =>
            {
                if ((Client.Violation ?? Server.Violation) is { } violation)
                {
                    throw Network.Failure(violation);
                }

                return condition();
            },
            limit);
    }

    /// <summary>Ends all of it, and fails if a buffer is still out.</summary>
    public void Close()
    {
        Dispose();
        Pool.ThrowIfOutstanding();
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
        Network.Clear();
    }

    /// <summary>Whether every byte of every stream was read.</summary>
    public bool IsAllRead
    {
        get
        {
            foreach ((long id, SessionStream stream) in Client.Streams)
            {
                if (!Server.Streams.TryGetValue(id, out SessionStream? other) || other.Read != stream.ToWrite || stream.Read != other.ToWrite)
                {
                    return false;
                }
            }

            return true;
        }
    }

    private void Answer(SessionStream stream)
    {
        stream.Write(_answers.GetValueOrDefault(stream.Mux.Id));
        if (_finished.Contains(stream.Mux.Id))
        {
            stream.Mux.FinishWrites();
        }
    }
}
