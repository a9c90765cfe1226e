using Causeway.Links;

namespace Causeway.Tests.Links;

public sealed class OperationGateTests
{
    [Fact]
    public void DisposerCleansUpWhenNothingIsUnderWay()
    {
        OperationGate gate = default;
        gate.Enter(typeof(OperationGateTests));
        Assert.False(gate.Exit());
        Assert.False(gate.IsClosed);
        Assert.True(gate.Close());
        Assert.False(gate.Close());
        Assert.True(gate.IsClosed);
        Assert.Throws<ObjectDisposedException>(() => gate.Enter(typeof(OperationGateTests)));
    }

    [Fact]
    public void OperationCleansUpWhenItIsTheLast()
    {
        OperationGate gate = default;
        gate.Enter(typeof(OperationGateTests));
        Assert.Throws<InvalidOperationException>(() => gate.Enter(typeof(OperationGateTests)));
        Assert.False(gate.Close());
        Assert.False(gate.Close());
        Assert.Throws<ObjectDisposedException>(() => gate.Enter(typeof(OperationGateTests)));
        Assert.True(gate.Exit());
        Assert.False(gate.Close());
    }

    [Fact]
    public async Task ExactlyOneCleansUpWhateverTheTiming()
    {
        for (int round = 0; round < 100; round++)
        {
            StrongGate gate = new();
            using Barrier barrier = new(participantCount: 3);
            int cleanUps = 0;
            Task operations = Task.Run(() =>
            {
                barrier.SignalAndWait();
                try
                {
                    while (true)
                    {
                        gate.Value.Enter(typeof(OperationGateTests));
                        Interlocked.Add(ref cleanUps, gate.Value.Exit() ? 1 : 0);
                    }
                }
                catch (ObjectDisposedException)
                {
                    // The end of every round.
                }
            });
            Task[] closers = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
            {
                barrier.SignalAndWait();
                Interlocked.Add(ref cleanUps, gate.Value.Close() ? 1 : 0);
            }))];
            await Task.WhenAll([operations, .. closers]).WaitAsync(LinkTesting.Patience);
            Assert.Equal(1, cleanUps);
        }
    }

    private sealed class StrongGate
    {
        public OperationGate Value;
    }
}
