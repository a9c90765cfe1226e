namespace Causeway.Hosting;

/// <summary>What a listener hands its connections or streams to: a <see cref="CausewayConnectionHandler"/> or a <see cref="CausewayStreamHandler"/>.</summary>
public abstract class CausewayHandler
{
    private protected CausewayHandler()
    {
    }
}

/// <summary>
/// An application protocol that wants whole connections. One is made for each connection, in a scope of services of its own that ends with it.
/// </summary>
public abstract class CausewayConnectionHandler : CausewayHandler
{
#pragma warning disable RS0022 // The base class is closed so that there are two kinds of handlers only; it has no protected members.
    /// <summary>For derived classes.</summary>
    protected CausewayConnectionHandler()
#pragma warning restore RS0022
    {
    }

    /// <summary>
    /// Serves a connection. When the task ends, the connection is closed in order; when it fails, the failure is logged and the peer is told
    /// <see cref="CausewayListenerSettings.HandlerErrorCode"/>.
    /// </summary>
    /// <param name="connection">The connection. It need not be closed or disposed.</param>
    /// <param name="context">Where it came in.</param>
    /// <param name="cancellationToken">
    /// Cancelled when the connection ends, and when the host stops and <see cref="CausewayListenerSettings.DrainTimeout"/> is over.
    /// </param>
    public abstract Task OnConnectedAsync(CausewayConnection connection, CausewayHandlerContext context, CancellationToken cancellationToken);
}

/// <summary>
/// An application protocol that wants streams, whatever connections they are of. One is made for each stream that a peer opens, in a scope of
/// services of its own that ends with it. All streams run at the same time.
/// </summary>
public abstract class CausewayStreamHandler : CausewayHandler
{
#pragma warning disable RS0022 // The base class is closed so that there are two kinds of handlers only; it has no protected members.
    /// <summary>For derived classes.</summary>
    protected CausewayStreamHandler()
#pragma warning restore RS0022
    {
    }

    /// <summary>
    /// Serves a stream. When the task ends, the stream is closed in order; when it fails, the failure is logged and both directions are given
    /// up with <see cref="CausewayListenerSettings.HandlerErrorCode"/>. Other streams go on.
    /// </summary>
    /// <param name="stream">The stream. It need not be closed or disposed.</param>
    /// <param name="context">Where it came in.</param>
    /// <param name="cancellationToken">
    /// Cancelled when the connection ends, and when the host stops and <see cref="CausewayListenerSettings.DrainTimeout"/> is over.
    /// </param>
    public abstract Task OnStreamAsync(CausewayStream stream, CausewayHandlerContext context, CancellationToken cancellationToken);
}

/// <summary>What a handler may want to know beside its connection or stream.</summary>
public sealed class CausewayHandlerContext
{
    internal CausewayHandlerContext(string listenerName, CausewayConnection connection, IServiceProvider services, CancellationToken stopping)
    {
        ListenerName = listenerName;
        Connection = connection;
        Services = services;
        Stopping = stopping;
    }

    /// <summary>The listener's name.</summary>
    public string ListenerName { get; }

    /// <summary>The connection.</summary>
    public CausewayConnection Connection { get; }

    /// <summary>The services of the handler's scope.</summary>
    public IServiceProvider Services { get; }

    /// <summary>
    /// Cancelled when the host begins to stop: what has begun may be finished, within <see cref="CausewayListenerSettings.DrainTimeout"/>. A
    /// protocol that can tell its peer to begin nothing new does it now.
    /// </summary>
    public CancellationToken Stopping { get; }
}
