using System.Net;
using System.Net.Sockets;
using Causeway.Protocol;

namespace Causeway.Links.Udp;

/// <summary>
/// Sends one datagram for each system call, on any system. What it sends leaves from the address of the system's choice:
/// <see cref="Socket"/> cannot name one for a datagram.
/// </summary>
internal sealed class PortableUdpSender : UdpSender
{
    // Writing an address takes a few stores, less than looking one up: the last one is all that is worth keeping.
    private readonly SocketAddress _address;
    private PeerAddress _addressedPeer;

    public PortableUdpSender(Socket socket, PeerAddress connectedPeer, UdpCounters counters)
        : base(socket, connectedPeer, counters) =>
        _address = new SocketAddress(socket.AddressFamily, RawSocketAddress.SizeOf(socket.AddressFamily));

    protected override bool TrySend(ReadOnlySpan<PacketBuffer> batch, ref int next)
    {
        bool retried = false;
        while (next < batch.Length)
        {
            PacketBuffer datagram = batch[next];
            SocketError error = SendOne(datagram);
            if (error == SocketError.WouldBlock)
            {
                return false;
            }

            // On a connected socket this is the answer to an earlier datagram: this one was not tried yet.
            if (error is SocketError.ConnectionRefused or SocketError.ConnectionReset && !retried)
            {
                Counters.NoteRefusal(error);
                retried = true;
                continue;
            }

            Count(datagram, error);
            retried = false;
            next++;
        }

        return true;
    }

    private SocketError SendOne(PacketBuffer datagram)
    {
        if (IsForConnectedPeer(datagram.Peer))
        {
            Socket.Send(datagram.Payload, SocketFlags.None, out SocketError error);
            return error;
        }

        PeerAddress to = PeerOf(datagram.Peer);
        if (to != _addressedPeer || to.IsNone)
        {
            _addressedPeer = default;
            if (!RawSocketAddress.TryWrite(to, _address.Family, _address.Buffer.Span))
            {
                return SocketError.AddressFamilyNotSupported;
            }

            _addressedPeer = to;
        }

        try
        {
            Socket.SendTo(datagram.Payload, SocketFlags.None, _address);
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }

    private void Count(PacketBuffer datagram, SocketError error)
    {
        if (error == SocketError.Success)
        {
            Counters.SendCalls++;
            Counters.DatagramsSent++;
            Counters.BytesSent += datagram.Length;
        }
        else
        {
            Counters.CountRefused(error, datagrams: 1);
        }
    }
}
