using System.Net;
using Causeway.Protocol;

namespace Causeway.Links;

/// <summary>
/// Sends and receives batches of datagrams: a UDP socket, or a decorator around another link (a cipher, a fault
/// injector, a rate limiter). The only abstraction that may touch a socket.
/// </summary>
/// <remarks>
/// <para>At most one receive and one send are under way at a time, possibly on different threads.</para>
/// <para>
/// Disposing must end a pending receive and a pending send, with <see cref="ObjectDisposedException"/> or otherwise,
/// and complete without waiting for their callers: connections wait for both before they give their buffers back. It
/// may come at any time, from any thread, and more than once.
/// </para>
/// </remarks>
public interface IDatagramLink : IAsyncDisposable
{
    /// <summary>What the link can do, fixed for its lifetime.</summary>
    DatagramLinkCapabilities Capabilities { get; }

    /// <summary>The local address that datagrams leave from.</summary>
    EndPoint LocalEndPoint { get; }

    /// <summary>
    /// Waits for datagrams and puts them, with <see cref="PacketBuffer.Peer"/> set, into the first entries of
    /// <paramref name="buffers"/>. The link rents them; the caller releases them.
    /// </summary>
    /// <returns>How many arrived: at least 1, or 0 if none survived a decorator.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The link was disposed.</exception>
    /// <remarks>
    /// Any exception ends the link for the connections above it, as <see cref="TransportError.LinkFailed"/>.
    /// </remarks>
    ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default);

    /// <summary>
    /// Sends all datagrams, each to its <see cref="PacketBuffer.Peer"/> (or to the connected peer where that is none).
    /// The link may rewrite the payloads; the caller releases the buffers after completion. What the network refuses is
    /// lost like any datagram: it is counted, not thrown. There is no partial result, since a retry would seal twice.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The link was disposed.</exception>
    /// <remarks>
    /// Any exception ends the link for the connections above it, as <see cref="TransportError.LinkFailed"/>: throw only
    /// for what no later send can survive.
    /// </remarks>
    ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default);
}
