using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Causeway.Protocol;

namespace Causeway.Links.Udp;

/// <summary>
/// The sending half of a link: as many datagrams as the kernel takes at once, then a wait for room, and again.
/// </summary>
internal abstract class UdpSender
{
    private readonly SocketAddress _waitAddress;
    private OperationGate _gate;

    protected UdpSender(Socket socket, PeerAddress connectedPeer, UdpCounters counters)
    {
        Socket = socket;
        ConnectedPeer = connectedPeer;
        Counters = counters;
        _waitAddress = new SocketAddress(socket.AddressFamily, RawSocketAddress.SizeOf(socket.AddressFamily));
    }

    protected Socket Socket { get; }

    /// <summary>The peer of a connected socket, or none.</summary>
    protected PeerAddress ConnectedPeer { get; }

    protected UdpCounters Counters { get; }

    /// <inheritdoc cref="IDatagramLink.SendAsync"/>
    public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        _gate.Enter(typeof(UdpLink));
        bool waits = false;
        try
        {
            int next = 0;
            waits = !TrySend(buffers.Span, ref next);
            return waits ? SendRestAsync(buffers, next, cancellationToken) : ValueTask.CompletedTask;
        }
        finally
        {
            if (!waits)
            {
                _gate.Exit();
            }
        }
    }

    /// <summary>Refuses sends from now on. The socket must be disposed afterwards, which ends one that waits.</summary>
    public void Close() => _gate.Close();

    /// <summary>
    /// Sends datagrams from index <paramref name="next"/> on without waiting, and moves the index beyond those that
    /// left or were given up.
    /// </summary>
    /// <returns>False if the kernel has no room for the next one.</returns>
    protected abstract bool TrySend(ReadOnlySpan<PacketBuffer> batch, ref int next);

    /// <summary>
    /// Sets the congestion bits of what leaves by <see cref="Socket"/>'s own calls, which cannot tell them for a datagram.
    /// </summary>
    protected virtual void SetSocketEcn(EcnCodepoint ecn, PeerAddress peer)
    {
    }

    /// <summary>Whether a datagram needs no address because the socket is connected to its peer.</summary>
    protected bool IsForConnectedPeer(PeerAddress peer) =>
        !ConnectedPeer.IsNone && (peer.IsNone || peer == ConnectedPeer);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendRestAsync(
        ReadOnlyMemory<PacketBuffer> buffers, int next, CancellationToken cancellationToken)
    {
        try
        {
            do
            {
                Counters.SendWaits++;
                await SendOneAsync(buffers.Span[next], cancellationToken).ConfigureAwait(false);
                next++;
            }
            while (!TrySend(buffers.Span, ref next));
        }
        finally
        {
            _gate.Exit();
        }
    }

    // The runtime has no way to wait for room in a UDP socket other than to send a datagram through it.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendOneAsync(PacketBuffer datagram, CancellationToken cancellationToken)
    {
        bool isCapable = datagram.Ecn != EcnCodepoint.NotCapable;
        try
        {
            if (isCapable)
            {
                SetSocketEcn(datagram.Ecn, datagram.Peer);
            }

            if (IsForConnectedPeer(datagram.Peer))
            {
                await Socket.SendAsync(datagram.Memory, SocketFlags.None, cancellationToken).ConfigureAwait(false);
            }
            else if (RawSocketAddress.TryWrite(datagram.Peer, _waitAddress.Family, _waitAddress.Buffer.Span))
            {
                await Socket.SendToAsync(datagram.Memory, SocketFlags.None, _waitAddress, cancellationToken)
                    .ConfigureAwait(false);
            }
            else
            {
                Counters.CountRefused(SocketError.AddressFamilyNotSupported, datagrams: 1);
                return;
            }

            Counters.SendCalls++;
            Counters.DatagramsSent++;
            Counters.BytesSent += datagram.Length;
        }
        catch (SocketException e)
        {
            ObjectDisposedException.ThrowIf(_gate.IsClosed, typeof(UdpLink));
            Counters.CountRefused(e.SocketErrorCode, datagrams: 1);
        }
        finally
        {
            if (isCapable)
            {
                SetSocketEcn(EcnCodepoint.NotCapable, datagram.Peer);
            }
        }
    }
}
