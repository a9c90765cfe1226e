using Causeway.Kcp.Arq;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;
using static Causeway.Tests.Links.LinkTesting;

namespace Causeway.Testing.Tests;

public sealed class FaultInjectionLinkTests
{
    private readonly PacketPool _pool = new(track: true);
    private readonly VirtualTimeProvider _time = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task DelayedDatagramArrivesInItsTurn(bool isSend)
    {
        (IDatagramLink from, IDatagramLink to, FaultInjectionLink faulty) = Create(
            new FaultModelOptions { Delay = TimeSpan.FromMilliseconds(10) }, isSend);
        Task<PacketBuffer[]> receive = to.ReceiveExactlyAsync(1);
        await from.SendAsync(_pool, [[1]]);
        await EnteredAsync(faulty, isSend, 1);
        _time.Advance(TimeSpan.FromMilliseconds(9));

        // What enters now without a delay overtakes it.
        SetFaults(faulty, isSend, new FaultModelOptions());
        await from.SendAsync(_pool, [[2]]);
        PacketBuffer[] received = await receive;
        Assert.Equal(2, received[0].Payload[0]);
        Assert.Equal(1, Statistics(faulty, isSend).Held);
        Release(received);

        _time.Advance(TimeSpan.FromMilliseconds(1));
        received = await to.ReceiveExactlyAsync(1);
        Assert.Equal(1, received[0].Payload[0]);
        Assert.Equal(2, Statistics(faulty, isSend).Delivered);
        Release(received);
        await CloseAsync(from, to);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task FateOfTheNthDatagramIsThatOfTheModel(bool isSend)
    {
        FaultModelOptions faults = new()
        {
            Loss = 0.1,
            BurstEnter = 0.05,
            Delay = TimeSpan.FromMilliseconds(30),
            Jitter = TimeSpan.FromMilliseconds(25),
            Duplicate = 0.1,
            Corrupt = 0.1,
        };
        const int Count = 100;
        Random random = new(1);
        byte[][] payloads = [.. Enumerable.Range(0, Count).Select(i => Payload(random, 100, i))];
        FaultModel model = new(faults, seed: 77, direction: isSend ? 0 : 1);
        List<(Timestamp Arrival, byte[] Payload)> expected = [];
        foreach (byte[] payload in payloads)
        {
            DatagramFate fate = model.Decide(payload.Length, Timestamp.Zero);
            byte[] arriving = [.. payload];
            fate.Corrupt(fate.IsLost ? [] : arriving);
            expected.AddRange(fate.IsLost ? [] : [(fate.Arrival, arriving)]);
            expected.AddRange(fate.IsDuplicated && !fate.IsLost ? [(fate.DuplicateArrival, arriving)] : []);
        }

        (IDatagramLink from, IDatagramLink to, FaultInjectionLink faulty) = Create(faults, isSend, seed: 77);
        Task<PacketBuffer[]> receive = to.ReceiveExactlyAsync(expected.Count);
        await from.SendAsync(_pool, payloads);
        await EnteredAsync(faulty, isSend, Count);
        for (int elapsed = 0; elapsed <= 60; elapsed++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }

        // List.Sort is not stable, OrderBy is: equal times keep the order of entry.
        PacketBuffer[] received = await receive;
        AssertPayloads([.. expected.OrderBy(entry => entry.Arrival).Select(entry => entry.Payload)], received);
        Assert.Equal(expected.Count, Statistics(faulty, isSend).Delivered);
        Release(received);
        await CloseAsync(from, to);
    }

    [Fact]
    public async Task BlackoutTakesAllUntilItEnds()
    {
        (IDatagramLink from, IDatagramLink to, FaultInjectionLink faulty) = Create(
            new FaultModelOptions(), isSend: true);
        faulty.SetBlackout(true);
        await from.SendAsync(_pool, [[1], [2]]);
        faulty.SetBlackout(false);
        await from.SendAsync(_pool, [[3]]);
        PacketBuffer[] received = await to.ReceiveExactlyAsync(1);
        Assert.Equal(3, received[0].Payload[0]);
        Assert.Equal(2, faulty.SendStatistics.Faults.LostToBlackout);
        Release(received);
        await CloseAsync(from, to);
    }

    [Fact]
    public async Task PeersSurviveTheDelay()
    {
        (IDatagramLink from, IDatagramLink to, FaultInjectionLink faulty) = Create(
            new FaultModelOptions { Delay = TimeSpan.FromMilliseconds(1) }, isSend: false);
        Task<PacketBuffer[]> receive = to.ReceiveExactlyAsync(1);
        await from.SendAsync(_pool, [[1]], to.Address());
        await EnteredAsync(faulty, isSend: false, 1);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        PacketBuffer[] received = await receive;
        Assert.Equal(from.Address(), received[0].Peer);
        Release(received);
        await CloseAsync(from, to);
    }

    [Fact]
    public async Task HoldsNoMoreThanAllowed()
    {
        (InMemoryLink near, InMemoryLink far) = InMemoryLink.CreatePair(new InMemoryLinkOptions { Pool = _pool });
        FaultInjectionOptions options = new()
        {
            Send = new FaultModelOptions { Delay = TimeSpan.FromMilliseconds(5) },
            MaxHeldDatagrams = 3,
            Pool = _pool,
        };
        FaultInjectionLink faulty = new(near, options, _time);
        await faulty.SendAsync(_pool, [[1], [2], [3], [4], [5]]);
        Assert.Equal(2, faulty.SendStatistics.Overflowed);
        Assert.Equal(3, faulty.SendStatistics.Held);
        _time.Advance(TimeSpan.FromMilliseconds(5));
        Release(await far.ReceiveExactlyAsync(3));
        await CloseAsync(faulty, far);
    }

    [Fact]
    public async Task DisposeEndsAReceiveAndLosesWhatIsUnderWay()
    {
        (InMemoryLink near, InMemoryLink far) = InMemoryLink.CreatePair(new InMemoryLinkOptions { Pool = _pool });
        FaultModelOptions slow = new() { Delay = TimeSpan.FromSeconds(5) };
        FaultInjectionOptions options = new() { Send = slow, Receive = slow, Pool = _pool };
        FaultInjectionLink faulty = new(near, options, _time);
        Task<int> receive = faulty.ReceiveAsync(new PacketBuffer[4]).AsTask();
        await faulty.SendAsync(_pool, [[1], [2]]);
        await far.SendAsync(_pool, [[3]]);
        await EnteredAsync(faulty, isSend: false, 1);
        await faulty.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => receive.WaitAsync(Patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => faulty.SendAsync(default).AsTask());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => faulty.ReceiveAsync(new PacketBuffer[4]).AsTask());
        await CloseAsync(faulty, far);
    }

    [Fact]
    public async Task RunsOnTheRealClockOverRealSockets()
    {
        UdpLinkOptions udp = new() { Pool = _pool };
        UdpLink server = UdpLink.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0), udp);
        UdpLink client = UdpLink.Connect((System.Net.IPEndPoint)server.LocalEndPoint, udp);
        FaultModelOptions faults = new() { Delay = TimeSpan.FromMilliseconds(3), RateBitsPerSecond = 100_000_000 };
        FaultInjectionOptions options = new() { Send = faults, Receive = faults, Pool = _pool };
        FaultInjectionLink faulty = new(client, options);
        byte[][] payloads = [.. Enumerable.Range(0, 20).Select(i => Payload(new Random(i), 1000, i))];
        await faulty.SendAsync(_pool, payloads);
        PacketBuffer[] received = await server.ReceiveExactlyAsync(20);
        await server.SendAsync(received);
        Release(received);
        received = await faulty.ReceiveExactlyAsync(20);
        AssertPayloads(payloads, received);
        Release(received);
        await CloseAsync(faulty, server);
    }

    private static FaultInjectionStatistics Statistics(FaultInjectionLink link, bool isSend) =>
        isSend ? link.SendStatistics : link.ReceiveStatistics;

    private static void SetFaults(FaultInjectionLink link, bool isSend, FaultModelOptions faults)
    {
        if (isSend)
        {
            link.SendFaults = faults;
        }
        else
        {
            link.ReceiveFaults = faults;
        }
    }

    // Datagrams from the other side enter by a pump of the link's own.
    private static async Task EnteredAsync(FaultInjectionLink link, bool isSend, int count)
    {
        using CancellationTokenSource patience = new(Patience);
        while (Statistics(link, isSend).Faults.Sent < count)
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    // One direction of a faulty link: from where to send, and where to receive.
    private (IDatagramLink From, IDatagramLink To, FaultInjectionLink Faulty) Create(
        FaultModelOptions faults, bool isSend, ulong seed = 1)
    {
        (InMemoryLink near, InMemoryLink far) = InMemoryLink.CreatePair(new InMemoryLinkOptions { Pool = _pool });
        FaultInjectionOptions options = new()
        {
            Send = isSend ? faults : new FaultModelOptions(),
            Receive = isSend ? new FaultModelOptions() : faults,
            Seed = seed,
            Pool = _pool,
        };
        FaultInjectionLink faulty = new(near, options, _time);
        return isSend ? (faulty, far, faulty) : (far, faulty, faulty);
    }

    private async Task CloseAsync(IDatagramLink first, IDatagramLink second)
    {
        await first.DisposeAsync();
        await second.DisposeAsync();

        // The delivery loop may be inside a batch: it releases that one itself.
        using CancellationTokenSource patience = new(Patience);
        while (_pool.Outstanding > 0 && !patience.IsCancellationRequested)
        {
            await Task.Yield();
        }

        _pool.ThrowIfOutstanding();
    }
}
