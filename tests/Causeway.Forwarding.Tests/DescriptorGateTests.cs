using System.Net.Sockets;

namespace Causeway.Forwarding.Tests;

public sealed class DescriptorGateTests
{
    // Its reserve is 25: the highest number that may be used is 174.
    private const int Limit = 200;

    [Fact]
    public async Task ItClosesAtTheReserveAndOpensWhenThereIsRoom()
    {
        int next = 174;
        DescriptorGate gate = new(TimeProvider.System, static () => Limit, _ => next);
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.True(gate.Pass(socket, out bool isNews));
        Assert.False(isNews || gate.IsClosed);
        Assert.True(gate.WaitAsync(CancellationToken.None).IsCompletedSuccessfully);

        next = 175;
        Assert.False(gate.Pass(socket, out isNews));
        Assert.True(isNews && gate.IsClosed);
        Assert.False(gate.Pass(out isNews));
        Assert.False(isNews);
        using CancellationTokenSource stop = new();
        Task waiting = gate.WaitAsync(stop.Token).AsTask();
        Assert.False(waiting.IsCompleted);
        Assert.True(gate.IsClosed);

        next = 100;
        await waiting.Guarded();
        Assert.False(gate.IsClosed);
        Assert.Equal(75, gate.Room);
    }

    [Fact]
    public void ItIsOpenWhereThereIsNoLimit()
    {
        DescriptorGate gate = new(TimeProvider.System, static () => null, static _ => int.MaxValue);
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.True(gate.Pass(socket, out _));
        Assert.True(gate.Pass(out _));
        Assert.Null(gate.Room);
    }

    [Fact]
    public void AForwarderTakesNoMoreThanTheProcessHasRoomFor()
    {
        ForwardServerOptions options = new() { Listeners = [], Target = ForwardEndPoint.Parse("127.0.0.1:1"), MaxForwards = 1000 };
        DescriptorGate few = new(TimeProvider.System, static () => Limit, static _ => 100);
        DescriptorGate many = new(TimeProvider.System, static () => 100_000, static _ => 100);

        // 75 are free before the reserve, 8 of which are kept for what comes and goes.
        Assert.Equal(75 - 8 - 2, new ForwardPlaces(options, others: 2, few).Table.Limit);
        Assert.Equal(1000, new ForwardPlaces(options, others: 2, many).Table.Limit);
    }

    [Fact]
    public void TheLimitIsTheShells()
    {
        if (OperatingSystem.IsLinux())
        {
            string line = File.ReadLines("/proc/self/limits").First(static l => l.StartsWith("Max open files", StringComparison.Ordinal));
            Assert.Equal(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3], $"{OpenFileLimit.Current}");
        }
    }

    [Fact]
    public async Task AStreamWaitsForAPlaceUntilItsTimeIsUp()
    {
        ForwardTable table = new(1);
        ForwardTable.Forward first = table.TryAdd(Timeout.InfiniteTimeSpan, TimeProvider.System)!;
        Task<ForwardTable.Forward?> second = table.TryAddAsync(Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None);
        Assert.False(second.IsCompleted);
        Assert.Null(await table.TryAddAsync(TimeSpan.FromMilliseconds(1), TimeProvider.System, CancellationToken.None).Guarded());

        first.Dispose();
        ForwardTable.Forward? place = await second.Guarded();
        Assert.NotNull(place);
        Assert.Equal(1, table.Count);
        place.Dispose();
    }

    [Fact]
    public async Task NoMoreThanAThousandStreamsWait()
    {
        ForwardTable table = new(1);
        using ForwardTable.Forward first = table.TryAdd(Timeout.InfiniteTimeSpan, TimeProvider.System)!;
        using CancellationTokenSource stop = new();
        Task<ForwardTable.Forward?>[] waiting =
        [
            .. Enumerable.Range(0, 1024).Select(_ => table.TryAddAsync(Timeout.InfiniteTimeSpan, TimeProvider.System, stop.Token)),
        ];
        Task<ForwardTable.Forward?> more = table.TryAddAsync(Timeout.InfiniteTimeSpan, TimeProvider.System, stop.Token);
        Assert.DoesNotContain(waiting, static task => task.IsCompleted);
        Assert.Null(await more.Guarded());

        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(waiting).Guarded(), Assert.Null);
    }
}
