using System.Reflection;

namespace Causeway.Tests;

/// <summary>Samples whose whole run is a test.</summary>
public sealed class SampleTests
{
    [Fact]
    public async Task FromSystemNetQuicRuns()
    {
        MethodInfo main = Assembly.Load("FromSystemNetQuic").EntryPoint!;
        Assert.Equal(0, await Task.Run(() => (int)main.Invoke(null, [Array.Empty<string>()])!).Guarded());
    }
}
