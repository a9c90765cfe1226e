using System.Net.Security;
using Causeway.Protocol.Streams;

namespace Causeway.Protocol;

/// <summary>
/// One session of an engine, without I/O: a driver feeds it the datagrams of its peer, asks it for what is to be sent,
/// and calls again at <see cref="NextDeadline"/>.
/// </summary>
/// <remarks>
/// <para>A turn is: any number of <see cref="Input"/>, then <see cref="Deliver"/>, then reading the events of
/// <see cref="Streams"/>, then <see cref="Flush"/> until it answers false. Time never decreases. Not thread-safe.</para>
/// </remarks>
public abstract class TransportSession : IDisposable
{
    private protected TransportSession(EndpointRole role) => Role = role;

    /// <summary>Which end this is.</summary>
    public EndpointRole Role { get; }

    /// <summary>The peer's address; none where the link below is connected to one peer.</summary>
    public PeerAddress Peer { get; init; }

    /// <summary>
    /// At a client: another address from which the peer's datagrams may come from now on, since the server would rather be spoken to
    /// there; none for none.
    /// </summary>
    public virtual PeerAddress OtherPeerAddress => default;

    /// <summary>What tells the session apart from others of the same address, as its endpoint routes by it.</summary>
    public abstract uint RoutingId { get; }

    /// <summary>Whatever the driver wants to find again from the session.</summary>
    public object? Tag { get; set; }

    /// <summary>The streams.</summary>
    public abstract StreamSession Streams { get; }

    /// <summary>Counters; an engine's own are in the type that it derives.</summary>
    public abstract TransportStatistics Statistics { get; }

    /// <summary>Why the session ended by itself, or null while it lives.</summary>
    public abstract TransportFailure? Failure { get; }

    /// <summary>
    /// Whether both ends know and trust each other, where the engine has a handshake. Data that the application writes before may
    /// wait until then.
    /// </summary>
    public virtual bool IsEstablished => true;

    /// <summary>
    /// Whether streams can be used although the session is not established: at a client those that are marked as
    /// <see cref="Streams.TransportStream.IsReplaySafe"/>, at a server what came so.
    /// </summary>
    public virtual bool IsEarly => false;

    /// <summary>
    /// Something that the session wants to know of its driver, once, or null. It goes on with everything else until it has the
    /// answer.
    /// </summary>
    public virtual SessionQuestion? TakeQuestion() => null;

    /// <summary>Whether everything that was written is acknowledged.</summary>
    public abstract bool IsIdle { get; }

    /// <summary>The soonest time at which a turn has something to do without any input.</summary>
    public abstract Timestamp NextDeadline { get; }

    /// <summary>
    /// Whether a datagram itself names this session, by an id that is hard to guess. False says nothing: not every datagram
    /// names its session.
    /// </summary>
    public abstract bool IsNamedBy(PacketBuffer datagram);

    /// <summary>
    /// Since when something that was sent waits for an answer and nothing at all was heard of the peer;
    /// <see cref="Timestamp.Never"/> if nothing waits. May be read by any thread.
    /// </summary>
    public abstract Timestamp WaitingSince { get; }

    /// <summary>Whether either end has said goodbye, so that no data moves any more.</summary>
    public abstract bool IsClosing { get; }

    /// <summary>
    /// Whether goodbye was said and answered, or nobody is left to answer: nothing more will be sent. Only after
    /// <see cref="BeginClose(GoodbyeReason, Timestamp)"/>.
    /// </summary>
    public abstract bool IsDrained { get; }

    /// <summary>Whether the peer is one that hears a goodbye, or may be.</summary>
    public abstract bool HearsGoodbye { get; }

    /// <summary>
    /// Begins to end the session: it moves no more data, and tells the peer (docs/design/goodbye.md). Call
    /// <see cref="Flush"/> as before, until <see cref="IsDrained"/>.
    /// </summary>
    public abstract void BeginClose(GoodbyeReason reason, Timestamp now);

    /// <summary>
    /// Begins to end the session with a code and a reason of the application, where the engine carries them; else like
    /// <see cref="BeginClose(GoodbyeReason, Timestamp)"/>.
    /// </summary>
    public virtual void BeginClose(long errorCode, string reason, Timestamp now) => BeginClose(GoodbyeReason.Closed, now);

    /// <summary>Bytes of the largest message that can be sent unreliably now; 0 if the engine or the peer has none.</summary>
    public virtual int MaxMessageLength => 0;

    /// <summary>Sends a message once, unless it is late; false if it is too long.</summary>
    public virtual bool TrySendMessage(ReadOnlySpan<byte> bytes, Timestamp deadline) => false;

    /// <summary>The next unreliable message that arrived. The caller owns the slice.</summary>
    public virtual bool TryReadMessage(out PacketSlice bytes)
    {
        bytes = default;
        return false;
    }

    /// <summary>The application protocol that both agreed on; empty if the engine negotiates none.</summary>
    public virtual ReadOnlyMemory<byte> ApplicationProtocol => default;

    /// <summary>The name of the server that the client asked for (RFC 6066, 3); null if it asked for none, or the engine has no such name.</summary>
    public virtual string? ServerName => null;

    /// <summary>The cipher suite of TLS that both agreed on; null before, and if the engine has none.</summary>
    public virtual TlsCipherSuite? CipherSuite => null;

    /// <summary>Whatever the application keeps with the session; no engine looks at it.</summary>
    public object? ApplicationState { get; set; }

    /// <summary>The peer's certificates in DER, its own first; empty if it showed none.</summary>
    public virtual IReadOnlyList<ReadOnlyMemory<byte>> PeerCertificates => [];

    /// <summary>The share of what was sent lately that got lost, from 0 to 1; 0 if the engine does not measure it.</summary>
    public virtual double LossRate => 0;

    /// <summary>The way that datagrams go at present, where the engine knows of ways; else none.</summary>
    public virtual DatagramPath CurrentPath => default;

    /// <summary>Whether the peer was asked to show that it is at the other end of a path, and has not done so yet.</summary>
    public virtual bool IsProvingPath => false;

    /// <summary>
    /// Goes another way to the same peer, by another address of this end. What the session sends names it as
    /// <see cref="DatagramPath.Local"/>, and so has what comes by it.
    /// </summary>
    /// <param name="local">The name of the way, as a rule a socket's address.</param>
    /// <param name="isOtherHost">Whether it differs by more than the port: then what was learned of the old way is void.</param>
    /// <param name="isAtOnce">
    /// False to ask first, and to go when the peer has answered; <see cref="CurrentPath"/> tells. True to go at once, because there is
    /// reason to think that the old way is dead.
    /// </param>
    /// <param name="now">The time.</param>
    public virtual PathChangeRefusal TryChangePath(PeerAddress local, bool isOtherHost, bool isAtOnce, Timestamp now) =>
        PathChangeRefusal.Unsupported;

    /// <summary>
    /// Has the next flush send something that a peer answers at once if it is there. For a driver that has reason to doubt it.
    /// </summary>
    public abstract void Probe();

    /// <summary>Takes in one datagram, with all that the link adds removed. The reference stays the caller's.</summary>
    public abstract void Input(PacketBuffer datagram, Timestamp now);

    /// <summary>Moves what arrived in order up to the streams, as far as their buffers allow.</summary>
    public abstract void Deliver(Timestamp now);

    /// <summary>Adds datagrams to <paramref name="batch"/> until it is full or windows, pacing and data end.</summary>
    /// <param name="batch">Where datagrams go.</param>
    /// <param name="path">The way that they are to go; none for a connected link.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether the batch became full before everything that may leave now was in it.</returns>
    public abstract bool Flush(PacketBatch batch, DatagramPath path, Timestamp now);

    /// <summary>Releases every buffer. Nothing is sent.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the session holds; called once or more.</summary>
    protected abstract void Dispose(bool disposing);
}
