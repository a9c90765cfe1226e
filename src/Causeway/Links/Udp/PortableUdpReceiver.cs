using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Causeway.Protocol;

namespace Causeway.Links.Udp;

/// <summary>
/// Receives on any system: waits by an asynchronous receive of the first datagram, then takes those behind it without
/// waiting. It does not tell the local address of a datagram: <see cref="Socket"/> would tell it at the price of an object for
/// each, and has no call that would send from it.
/// </summary>
internal sealed class PortableUdpReceiver : UdpReceiver
{
    private readonly SocketAddress _address;

    // Rented once and offered to every receive until one fills it.
    private PacketBuffer? _buffer;
    private bool _isFilled;

    public PortableUdpReceiver(Socket socket, UdpLinkOptions options, UdpCounters counters)
        : base(socket, options, counters) =>
        _address = new SocketAddress(socket.AddressFamily, RawSocketAddress.SizeOf(socket.AddressFamily));

    protected override int TryReceive(Span<PacketBuffer> buffers)
    {
        int count = 0;
        while (count < buffers.Length)
        {
            try
            {
                // Errors end the turn, so that a row of them cannot keep it from ending.
                if (!_isFilled && !TryFill())
                {
                    break;
                }
            }
            catch (ObjectDisposedException) when (count > 0)
            {
                // The caller gets, and releases, what was already taken; its next receive throws.
                break;
            }

            buffers[count++] = _buffer!;
            _buffer = null;
            _isFilled = false;
        }

        return count;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    protected override async ValueTask<int> WaitAsync(CancellationToken cancellationToken)
    {
        try
        {
            PacketBuffer buffer = Prepare();
            int length = await Socket.ReceiveFromAsync(buffer.Memory, SocketFlags.None, _address, cancellationToken)
                .ConfigureAwait(false);
            Accept(length);
            return length;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.MessageSize)
        {
            Counters.ReceiveTooLarge++;
            return 0;
        }
    }

    protected override void ReleaseBuffers()
    {
        _buffer?.Release();
        _buffer = null;
        _isFilled = false;
    }

    private bool TryFill()
    {
        // A receive that tells the sender can only say "nothing there" by an exception, so we ask before.
        try
        {
            return Socket.Available > 0 && Accept(Socket.ReceiveFrom(Prepare().Payload, SocketFlags.None, _address));
        }
        catch (SocketException e)
        {
            CountError(e.SocketErrorCode);
            return false;
        }
    }

    private PacketBuffer Prepare()
    {
        _buffer ??= Options.Pool.Rent();
        _buffer.Reset(Options.ReceiveHeadroom);
        _buffer.Append(Options.ReceiveSpace);
        return _buffer;
    }

    private bool Accept(int length)
    {
        Counters.ReceiveCalls++;
        if (length > Options.MaxDatagramSize)
        {
            Counters.ReceiveTooLarge++;
            return false;
        }

        _buffer!.Truncate(length);
        _buffer.Peer = RawSocketAddress.Read(_address.Buffer.Span, _address.Family == AddressFamily.InterNetworkV6);
        _isFilled = true;
        Counters.DatagramsReceived++;
        Counters.BytesReceived += length;
        return true;
    }

    private void CountError(SocketError error)
    {
        if (error == SocketError.MessageSize)
        {
            Counters.ReceiveTooLarge++;
        }
        else if (error != SocketError.WouldBlock)
        {
            Counters.ReceiveErrors++;
            Counters.NoteRefusal(error);
        }
    }
}
