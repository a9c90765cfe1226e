using Causeway.TestKit;

namespace Causeway.Tests;

/// <summary>When the peer hears of a stream that was opened: with what goes first, or by itself before long.</summary>
public abstract class StreamOpeningTests
{
    private readonly Wire _wire;

    private protected StreamOpeningTests(Wire wire) => _wire = wire;

    [Fact]
    public async Task FirstWriteAndOpeningShareADatagram()
    {
        await using MemoryPeers peers = await ConnectAsync(new VirtualTimeProvider());
        await using CausewayStream stream = await peers.Client.OpenStreamAsync().Guarded();
        AssertPackets(0, peers);

        await stream.WriteAsync("request"u8.ToArray()).Guarded();
        AssertPackets(1, peers);
        CausewayConnection server = await peers.Listener.AcceptConnectionAsync().Guarded();
        await using CausewayStream accepted = await server.AcceptStreamAsync().Guarded();
        byte[] received = new byte[7];
        await accepted.ReadExactlyAsync(received).Guarded();
        Assert.Equal("request"u8.ToArray(), received);
    }

    [Fact]
    public async Task ReadThatWaitsSendsTheOpening()
    {
        await using MemoryPeers peers = await ConnectAsync(new VirtualTimeProvider());
        await using CausewayStream stream = await peers.Client.OpenStreamAsync().Guarded();
        byte[] greeting = new byte[5];
        Task reading = stream.ReadExactlyAsync(greeting).AsTask();
        CausewayConnection server = await peers.Listener.AcceptConnectionAsync().Guarded();
        await using CausewayStream accepted = await server.AcceptStreamAsync().Guarded();
        await accepted.WriteAsync("hello"u8.ToArray()).Guarded();
        await reading.Guarded();
        Assert.Equal("hello"u8.ToArray(), greeting);
    }

    [Fact]
    public async Task FlushSendsTheOpening()
    {
        await using MemoryPeers peers = await ConnectAsync(new VirtualTimeProvider());
        await using CausewayStream stream = await peers.Client.OpenStreamAsync().Guarded();
        await stream.FlushAsync().Guarded();
        AssertPackets(1, peers);
        CausewayConnection server = await peers.Listener.AcceptConnectionAsync().Guarded();
        await using CausewayStream accepted = await server.AcceptStreamAsync().Guarded();
    }

    [Fact]
    public async Task OpeningLeavesByItselfBeforeLong()
    {
        VirtualTimeProvider time = new();
        await using MemoryPeers peers = await ConnectAsync(time);
        await using CausewayStream stream = await peers.Client.OpenStreamAsync().Guarded();
        time.Advance(TimeSpan.FromMilliseconds(99));
        AssertPackets(0, peers);
        time.Advance(TimeSpan.FromMilliseconds(2));
        AssertPackets(1, peers);
        CausewayConnection server = await peers.Listener.AcceptConnectionAsync().Guarded();
        await using CausewayStream accepted = await server.AcceptStreamAsync().Guarded();
    }

    // A connection over KCP begins with nothing; QUIC's has shaken hands, and sends what it likes meanwhile.
    private void AssertPackets(long expected, MemoryPeers peers)
    {
        if (_wire == Wire.Kcp)
        {
            Assert.Equal(expected, peers.Client.Statistics.Transport.OutPackets);
        }
    }

    // A clock that stands still would let a graceful close wait for ever.
    private Task<MemoryPeers> ConnectAsync(VirtualTimeProvider time) =>
        MemoryPeers.ConnectAsync(_wire.Profile(), time: time, closeTimeout: TimeSpan.Zero);
}

/// <summary>The contract over KCP.</summary>
public sealed class KcpStreamOpeningTests() : StreamOpeningTests(Wire.Kcp);

/// <summary>The contract over QUIC.</summary>
public sealed class QuicStreamOpeningTests() : StreamOpeningTests(Wire.Quic);
