using System.Net;
using Causeway.Kcp;
using Causeway.Kcp.Wire;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Runtime;

namespace Causeway.Tests.Runtime;

public sealed class AnswerSourceTests
{
    private const uint Conversation = 0x1234_5678;
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(300);
    private static readonly PeerAddress s_dialled = Address("192.0.2.1:29900");
    private static readonly PeerAddress s_other = Address("192.0.2.2:29900");
    private static readonly PeerAddress s_third = Address("192.0.2.3:29900");
    private readonly PacketPool _pool = new();
    private readonly FakeLink _link = new();

    [Fact]
    public void AnAnswerInTimeLeavesTheLinkConnected()
    {
        AnswerSource source = NewSource();
        Assert.True(source.Deadline.IsNever);
        source.OnSent(At(50));
        Assert.Equal(At(350), source.Deadline);
        source.OnSent(At(200));
        Assert.Equal(At(350), source.Deadline);
        Assert.True(source.Admits(Datagram(s_dialled)));
        Assert.True(source.Deadline.IsNever);
        source.OnSent(At(400));
        source.OnTurn(At(5000));
        Assert.Equal((true, 0), (_link.IsConnected, _link.Changes));
    }

    [Fact]
    public void WithoutAnAnswerInTimeAnyoneMayAnswer()
    {
        AnswerSource source = NewOpenSource();
        Assert.Equal((false, 1), (_link.IsConnected, _link.Changes));
        Assert.True(source.Admits(Datagram(s_other)));

        // The first to answer is the one; the dialled address may always speak.
        Assert.False(source.Admits(Datagram(s_third)));
        Assert.True(source.Admits(Parity(s_other)));
        Assert.False(source.Admits(Parity(s_third)));
        Assert.True(source.Admits(Datagram(s_dialled)));
        Assert.Equal((false, 1, 2), (_link.IsConnected, _link.Changes, source.Refused));
    }

    /// <summary>QUIC's preferred address: the session is told of it by its server, and speaks there from the same port.</summary>
    [Fact]
    public void AnAddressThatTheSessionExpectsIsLetInToo()
    {
        AnswerSource source = NewSource();
        source.OnSent(At(0));
        Assert.True(source.Admits(Datagram(s_dialled)));
        source.Expect(default);
        Assert.True(_link.IsConnected);
        source.Expect(s_other);
        source.Expect(s_other);
        Assert.Equal((false, 1), (_link.IsConnected, _link.Changes));
        Assert.True(source.Admits(Datagram(s_other)));
        Assert.True(source.Admits(Parity(s_other)));
        Assert.True(source.Admits(Datagram(s_dialled)));
        Assert.False(source.Admits(Datagram(s_third)));
    }

    [Fact]
    public void ALateAnswerOfTheDialledAddressConnectsAgain()
    {
        AnswerSource source = NewOpenSource();
        Assert.True(source.Admits(Datagram(s_dialled)));
        Assert.Equal((true, 2), (_link.IsConnected, _link.Changes));
    }

    [Fact]
    public void WhereConnectingAgainIsRefusedOthersStayOut()
    {
        AnswerSource source = NewOpenSource();
        _link.Refuses = true;
        Assert.True(source.Admits(Datagram(s_dialled)));
        Assert.False(source.Admits(Datagram(s_other)));
        Assert.True(source.Admits(Parity(s_dialled)));
    }

    [Fact]
    public void WhatDoesNotNameTheConversationDecidesNothing()
    {
        AnswerSource source = NewOpenSource();
        Assert.False(source.Admits(Datagram(s_other, Conversation + 1)));
        Assert.False(source.Admits(Parity(s_other)));
        Assert.False(source.Admits(Datagram(s_other, length: 3)));
        Assert.True(source.Admits(Parity(s_dialled)));
        Assert.Equal(1, _link.Changes);
        Assert.True(source.Admits(Datagram(s_third)));
        Assert.Equal(3, source.Refused);
    }

    [Fact]
    public void AnotherPortIsNotTheServers()
    {
        AnswerSource source = NewOpenSource();
        Assert.False(source.Admits(Datagram(Address("192.0.2.2:29901"))));
        Assert.True(source.Admits(Datagram(s_other)));
    }

    [Fact]
    public void NamelessDatagramsOfTheDialledAddressDoNotEndTheWait()
    {
        AnswerSource source = NewSource();
        source.OnSent(At(0));
        Assert.True(source.Admits(Parity(s_dialled)));
        Assert.True(source.Admits(Datagram(s_dialled, Conversation + 1)));
        source.OnTurn(At(300));
        Assert.False(_link.IsConnected);
    }

    [Fact]
    public void InfinitePatienceNeverLooksElsewhere()
    {
        AnswerSource source = new(_link, s_dialled, NamesSession, Timeout.InfiniteTimeSpan);
        source.OnSent(At(0));
        Assert.True(source.Deadline.IsNever);
        source.OnTurn(At(1_000_000));
        Assert.Equal(0, _link.Changes);
    }

    [Fact]
    public void WhereTheSystemCannotTheLinkStaysConnected()
    {
        _link.Refuses = true;
        AnswerSource source = NewOpenSource();
        Assert.True(source.Deadline.IsNever);
        Assert.True(source.Admits(Datagram(s_dialled)));
        source.OnTurn(At(1_000_000));
        Assert.Equal((true, 0), (_link.IsConnected, _link.Changes));
    }

    private static Timestamp At(long milliseconds) => Timestamp.FromMilliseconds(milliseconds);

    private static PeerAddress Address(string text) => PeerAddress.FromEndPoint(IPEndPoint.Parse(text));

    private AnswerSource NewSource() => new(_link, s_dialled, NamesSession, s_patience);

    private AnswerSource NewOpenSource()
    {
        AnswerSource source = NewSource();
        source.OnSent(At(0));
        source.OnTurn(At(299));
        Assert.True(_link.IsConnected);
        source.OnTurn(At(300));
        return source;
    }

    private static bool NamesSession(PacketBuffer datagram) =>
        KcpDatagram.TryReadFirstSegment(datagram.Payload, out SegmentHeader first) && first.Conversation == Conversation;

    private PacketBuffer Datagram(PeerAddress peer, uint conversation = Conversation, int length = SegmentHeader.Size)
    {
        PacketBuffer datagram = _pool.Rent();
        SegmentHeader header = new()
        {
            Conversation = conversation,
            Command = SegmentCommand.Ack,
            Window = 128,
            Time = 0,
            Sequence = 0,
            Unacknowledged = 0,
            Length = 0,
        };
        header.Write(datagram.Append(SegmentHeader.Size));
        datagram.Truncate(length);
        datagram.Peer = peer;
        return datagram;
    }

    // A FEC parity shard: its type stands where a segment has command and fragment.
    private PacketBuffer Parity(PeerAddress peer)
    {
        PacketBuffer datagram = Datagram(peer);
        datagram.Payload[4] = 0xF2;
        datagram.Payload[5] = 0;
        return datagram;
    }

    private sealed class FakeLink : IConnectedLink
    {
        public bool IsConnected { get; private set; } = true;

        public bool Refuses { get; set; }

        public int Changes { get; private set; }

        public bool TryDisconnect() => TrySet(false);

        public bool TryReconnect() => TrySet(true);

        private bool TrySet(bool isConnected)
        {
            if (Refuses)
            {
                return false;
            }

            IsConnected = isConnected;
            Changes++;
            return true;
        }
    }
}
