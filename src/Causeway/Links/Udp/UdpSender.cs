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
    // How long the disposal of a link waits, at most, for one that waits for room.
    private static readonly TimeSpan s_roomPoll = TimeSpan.FromMilliseconds(20);

    private readonly SocketAddress _waitAddress;
    private OperationGate _gate;
    private bool _isConnected;

    protected UdpSender(Socket socket, PeerAddress connectedPeer, UdpCounters counters)
    {
        Socket = socket;
        ConnectedPeer = connectedPeer;
        Counters = counters;
        _isConnected = !connectedPeer.IsNone;
        _waitAddress = new SocketAddress(socket.AddressFamily, RawSocketAddress.SizeOf(socket.AddressFamily));
    }

    protected Socket Socket { get; }

    /// <summary>The peer of a link to one peer, or none.</summary>
    protected PeerAddress ConnectedPeer { get; }

    /// <summary>
    /// Whether the socket knows the address of <see cref="ConnectedPeer"/>. Cleared before it is disconnected, so that no
    /// datagram leaves without an address in between.
    /// </summary>
    public bool IsConnected
    {
        get => Volatile.Read(ref _isConnected);
        set => Volatile.Write(ref _isConnected, value);
    }

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
    protected bool IsForConnectedPeer(PeerAddress peer) => IsConnected && (peer.IsNone || peer == ConnectedPeer);

    /// <summary>Where a datagram goes: none means the peer of a link to one peer.</summary>
    protected PeerAddress PeerOf(PeerAddress peer) => peer.IsNone ? ConnectedPeer : peer;

    /// <summary>
    /// Whether a datagram leaves from an address of its own, which <see cref="Socket"/>'s own calls cannot tell.
    /// </summary>
    protected virtual bool NamesSource(PacketBuffer datagram) => false;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendRestAsync(
        ReadOnlyMemory<PacketBuffer> buffers, int next, CancellationToken cancellationToken)
    {
        try
        {
            do
            {
                Counters.SendWaits++;
                if (NamesSource(buffers.Span[next]))
                {
                    await WaitForRoomAsync(cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    await SendOneAsync(buffers.Span[next], cancellationToken).ConfigureAwait(false);
                    next++;
                }
            }
            while (!TrySend(buffers.Span, ref next));
        }
        finally
        {
            _gate.Exit();
        }
    }

    // A full buffer empties within milliseconds, so that a thread of the pool may wait for it.
    private async ValueTask WaitForRoomAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.Run(() => Socket.Poll(s_roomPoll, SelectMode.SelectWrite), cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            ObjectDisposedException.ThrowIf(_gate.IsClosed, typeof(UdpLink));
        }
    }

    // The runtime has no way to wait for room in a UDP socket, without a thread, other than to send a datagram through it.
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
            else if (RawSocketAddress.TryWrite(PeerOf(datagram.Peer), _waitAddress.Family, _waitAddress.Buffer.Span))
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
