using Causeway.Forwarding.Tunnels;
using Causeway.Forwarding.Tunnels.Udp;
using Causeway.TestKit;

namespace Causeway.Forwarding.Tests.Tunnels;

public sealed class FlowTableTests
{
    private readonly VirtualTimeProvider _time = new();
    private readonly TunnelCounters _counters = new();

    [Fact]
    public void AFlowEndsAfterItsIdleTimeInBothDirections()
    {
        using FlowTable table = NewTable(maxFlows: 10);
        TestFlow quiet = new();
        TestFlow busy = new();
        Assert.True(table.TryAdd(quiet));
        Assert.True(table.TryAdd(busy));

        for (int i = 0; i < 7; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            table.Touch(busy);
        }

        Assert.Equal((1, 0), (quiet.Ends, busy.Ends));
        Assert.Equal(1, _counters.Snapshot().FlowsOpen);
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(0, busy.Ends);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(1, busy.Ends);
        Assert.Equal((2, 0), (_counters.Snapshot().FlowsOpened, _counters.Snapshot().FlowsOpen));
        Assert.True(_time.NextTimer.IsNever);
    }

    [Fact]
    public void AQuietFlowMakesRoomAndABusyOneDoesNot()
    {
        using FlowTable table = NewTable(maxFlows: 2);
        TestFlow first = new();
        TestFlow second = new();
        Assert.True(table.TryAdd(first));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.True(table.TryAdd(second));
        Assert.False(table.TryAdd(new TestFlow()));
        Assert.Equal(1, _counters.Snapshot().FlowsRefused);

        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.True(table.TryAdd(new TestFlow()));
        Assert.Equal((1, 0, 2), (first.Ends, second.Ends, table.Count));
        Assert.Equal((3, 2), (_counters.Snapshot().FlowsOpened, _counters.Snapshot().FlowsOpen));
    }

    [Fact]
    public void AFlowThatEndedByItselfIsForgottenOnce()
    {
        using FlowTable table = NewTable(maxFlows: 1);
        TestFlow flow = new();
        Assert.True(table.TryAdd(flow));
        Assert.True(table.Remove(flow));
        Assert.False(table.Remove(flow));
        Assert.Equal(0, _counters.Snapshot().FlowsOpen);
        Assert.True(table.TryAdd(new TestFlow()));
    }

    [Fact]
    public void ADisposedTableEndsAllAndTakesNone()
    {
        FlowTable table = NewTable(maxFlows: 5);
        TestFlow flow = new();
        Assert.True(table.TryAdd(flow));
        table.Dispose();
        Assert.Equal(1, flow.Ends);
        Assert.False(table.TryAdd(new TestFlow()));
        Assert.True(_time.NextTimer.IsNever);
    }

    private FlowTable NewTable(int maxFlows) =>
        new(new TunnelDatagramOptions { MaxFlows = maxFlows, IdleTimeout = TimeSpan.FromSeconds(60) }, _time, _counters);

    private sealed class TestFlow : Forwarding.Tunnels.Udp.Flow
    {
        public int Ends { get; private set; }

        public override void End() => Ends++;
    }
}
