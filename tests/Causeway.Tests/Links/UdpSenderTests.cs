using System.Net;
using System.Net.Sockets;
using Causeway.Links;
using Causeway.Links.Udp;
using Causeway.Protocol;
using static Causeway.Tests.Links.LinkTesting;

namespace Causeway.Tests.Links;

/// <summary>A full socket buffer, which loopback never has, played by a sender that refuses now and then.</summary>
public sealed class UdpSenderTests
{
    [Fact]
    public async Task WaitsForRoomAndGoesOnWhereItStopped()
    {
        PacketPool pool = new(track: true);
        using Socket receiver = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        receiver.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        UdpCounters counters = new();
        ChokedSender sender = new(socket, counters);
        PeerAddress peer = PeerAddress.FromEndPoint((IPEndPoint)receiver.LocalEndPoint!);
        PacketBuffer[] batch = [.. Enumerable.Range(0, 10).Select(i => pool.Datagram([(byte)i], peer))];
        batch[6].Peer = default;
        batch[3].Ecn = EcnCodepoint.Capable0;
        batch[4].Ecn = EcnCodepoint.Capable0;
        await sender.SendAsync(batch, CancellationToken.None).AsTask().WaitAsync(Patience);
        Release(batch);

        // Datagrams 0, 3, 6 and 9 found no room: they leave through the wait, except for the one without an address.
        // What bits they have, the socket has for them.
        Assert.Equal([1, 2, 4, 5, 7, 8], sender.Sent);
        Assert.Equal([0, 3, 9], Enumerable.Range(0, 3).Select(_ => ReceiveOne(receiver)));
        Assert.Equal([EcnCodepoint.Capable0, EcnCodepoint.NotCapable], sender.SocketEcn);
        Assert.Equal((4, 3, 1), (counters.SendWaits, counters.DatagramsSent, counters.SendRefused));
        sender.Close();
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => sender.SendAsync(batch, CancellationToken.None).AsTask());
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public async Task WhatNamesItsSourceWaitsForRoomAndLeavesWithIt()
    {
        PacketPool pool = new(track: true);
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        UdpCounters counters = new();
        ChokedSender sender = new(socket, counters) { NamesSources = true };
        PacketBuffer[] batch = [.. Enumerable.Range(0, 10).Select(i => pool.Datagram([(byte)i]))];
        await sender.SendAsync(batch, CancellationToken.None).AsTask().WaitAsync(Patience);
        Release(batch);

        // The same datagrams that found no room are tried again by the sender itself, which alone can name their source.
        Assert.Equal(Enumerable.Range(0, 10), sender.Sent);
        Assert.Equal((4, 0), (counters.SendWaits, counters.SendRefused));
        pool.ThrowIfOutstanding();
    }

    private static int ReceiveOne(Socket socket)
    {
        byte[] buffer = new byte[1];
        Assert.Equal(1, socket.Receive(buffer));
        return buffer[0];
    }

    private sealed class ChokedSender : UdpSender
    {
        private int _refused = -1;

        public ChokedSender(Socket socket, UdpCounters counters)
            : base(socket, connectedPeer: default, counters)
        {
        }

        public List<int> Sent { get; } = [];

        public bool NamesSources { get; init; }

        public List<EcnCodepoint> SocketEcn { get; } = [];

        protected override bool NamesSource(PacketBuffer datagram) => NamesSources;

        protected override void SetSocketEcn(EcnCodepoint ecn, PeerAddress peer) => SocketEcn.Add(ecn);

        protected override bool TrySend(ReadOnlySpan<PacketBuffer> batch, ref int next)
        {
            while (next < batch.Length)
            {
                if (next % 3 == 0 && _refused < next)
                {
                    _refused = NamesSources ? next : -1;
                    return false;
                }

                Sent.Add(batch[next].Payload[0]);
                next++;
            }

            return true;
        }
    }
}
