using Causeway.Kcp.Arq;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Arq;

public sealed class ReceiveWindowTests : IDisposable
{
    private readonly PacketPool _pool = new(track: true);

    public void Dispose() => _pool.ThrowIfOutstanding();

    [Theory]
    [InlineData(0u)]
    [InlineData(uint.MaxValue - 3)]
    public void WhatArrivesOutOfOrderIsReadInOrder(uint first)
    {
        ReceiveWindow window = New(32, first);
        Assert.Equal(Arrival.InOrder, Accept(window, first, 0));
        Assert.Equal(Arrival.OutOfOrder, Accept(window, first, 3));
        Assert.Equal(Arrival.BehindGap, Accept(window, first, 4));
        Assert.Equal(Arrival.Duplicate, Accept(window, first, 3));
        Assert.Equal(Arrival.Duplicate, Accept(window, first, 0));
        Assert.Equal(Arrival.OutOfOrder, Accept(window, first, 2));
        Assert.Equal((1, 3), (window.UnreadCount, window.OutOfOrderCount));
        Assert.Equal(unchecked(first + 1), window.Next);
        Assert.Equal(Arrival.OutOfOrder, Accept(window, first, 1));
        Assert.Equal((5, 0), (window.UnreadCount, window.OutOfOrderCount));
        Assert.Equal(unchecked(first + 5), window.Next);
        Assert.Equal([0, 1, 2, 3, 4], ReadAll(window));
        Assert.Equal(Arrival.InOrder, Accept(window, first, 5));
        window.Clear();
    }

    [Fact]
    public void AWindowOfASetSizeTakesNoMoreThanItsSizeInOrderAndBeyond()
    {
        ReceiveWindow window = New(8, 0);
        Assert.Equal(Arrival.Beyond, Accept(window, 0, 8));
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(8 - i, window.Free);
            Accept(window, 0, i);
        }

        // Full: what follows is kept, and next stands still.
        Assert.Equal(0, window.Free);
        Assert.Equal(Arrival.OutOfOrder, Accept(window, 0, 9));
        Assert.NotEqual(Arrival.Beyond, Accept(window, 0, 8));
        Assert.Equal(Arrival.Beyond, Accept(window, 0, 16));
        Assert.Equal((8u, 2), (window.Next, window.OutOfOrderCount));
        Assert.Equal(Enumerable.Range(0, 10), ReadAll(window));
        Assert.Equal((10u, 0, 8), (window.Next, window.OutOfOrderCount, window.Free));
        window.Clear();
    }

    [Fact]
    public void RoomInAFullWindowIsReported()
    {
        ReceiveWindow window = New(8, 0);
        for (int i = 0; i < 8; i++)
        {
            Accept(window, 0, i);
        }

        window.OnAdvertised(window.Free);
        Assert.False(window.IsReportDue);
        Assert.True(window.TryRead(out PacketSlice slice));
        slice.Release();
        Assert.True(window.IsReportDue);
        window.OnReported();
        Assert.False(window.IsReportDue);
        window.RequestReport();
        Assert.True(window.IsReportDue);
        window.Clear();
    }

    [Fact]
    public void AnEmptySegmentTakesItsPlaceAndHasNothingToRead()
    {
        ReceiveWindow window = New(8, 0);
        PacketBuffer empty = _pool.Rent();
        Assert.Equal(Arrival.InOrder, window.Accept(0, empty, 0, 0));
        empty.Release();
        Accept(window, 0, 1);
        Assert.Equal(2, window.UnreadCount);
        Assert.Equal([1], ReadAll(window));
        Assert.Equal(0, window.UnreadCount);
        window.Clear();
    }

    [Fact]
    public void RoomThatWasToldIsNotTakenBack()
    {
        ReceiveWindow window = New(4096, 0, isAutomatic: true);
        int told = window.Free;
        Assert.InRange(told, 1, 4096);
        window.OnAdvertised(told);

        // Everything is held above: the window falls to nothing, the edge stays.
        window.Tune(new Timestamp(1_000_000), roundTrip: 10_000, heldAbove: 4096);
        Assert.Equal(told, window.Free);
        Assert.NotEqual(Arrival.Beyond, Accept(window, 0, told - 1));
        Assert.Equal(Arrival.Beyond, Accept(window, 0, told));
        for (int i = 0; i < told - 1; i++)
        {
            Accept(window, 0, i);
        }

        Assert.Equal(0, window.Free);
        ReadAll(window);
        Assert.Equal(0, window.Free);
        window.OnAdvertised(0);
        window.Tune(new Timestamp(2_000_000), roundTrip: 10_000, heldAbove: 0);
        Assert.True(window.Free > 0 && window.IsReportDue);
        window.Clear();
    }

    [Fact]
    public void ARandomOrderOfAnyLengthIsReadInOrder()
    {
        const int Count = 3000;
        int seed = 4711;
        ReceiveWindow window = New(Count, uint.MaxValue - 1000);
        int[] order = [.. Enumerable.Range(0, Count)];
        new Random(seed).Shuffle(order);
        List<int> read = [];
        foreach (int i in order)
        {
            Accept(window, uint.MaxValue - 1000, i);
            if (i % 7 == 0)
            {
                read.AddRange(ReadAll(window));
            }
        }

        read.AddRange(ReadAll(window));
        Assert.True(read.SequenceEqual(Enumerable.Range(0, Count)), $"seed {seed}");
        window.Clear();
    }

    [Fact]
    public void AnEmptyRingCanBeTrimmedAndUsedOn()
    {
        ReceiveWindow window = New(1000, 0);
        for (int i = 0; i < 600; i++)
        {
            Accept(window, 0, i);
        }

        int grown = window.Capacity;
        window.Trim();
        Assert.Equal(grown, window.Capacity);
        ReadAll(window);
        Accept(window, 0, 601);
        window.Trim();
        Assert.Equal(grown, window.Capacity);
        Accept(window, 0, 600);
        ReadAll(window);
        window.Trim();
        Assert.InRange(window.Capacity, 1, 16);
        Accept(window, 0, 640);
        Accept(window, 0, 602);
        Assert.Equal([602], ReadAll(window));
        Assert.Equal(1, window.OutOfOrderCount);
        window.Clear();
    }

    private ReceiveWindow New(int limit, uint first, bool isAutomatic = false) =>
        new(limit, first, new PayloadKeeper(_pool, budget: 1 << 20), isAutomatic);

    private Arrival Accept(ReceiveWindow window, uint first, int index)
    {
        PacketBuffer datagram = _pool.Rent();
        BitConverter.TryWriteBytes(datagram.Append(4), index);
        Arrival arrival = window.Accept(unchecked(first + (uint)index), datagram, 0, 4);
        datagram.Release();
        return arrival;
    }

    private static List<int> ReadAll(ReceiveWindow window)
    {
        List<int> read = [];
        while (window.TryRead(out PacketSlice slice))
        {
            read.Add(BitConverter.ToInt32(slice.Span));
            slice.Release();
        }

        return read;
    }
}
