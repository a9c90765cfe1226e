using System.Reflection;

namespace Causeway.AspNetCore.Tests;

/// <summary>The sample whose whole run is a test.</summary>
public sealed class SampleTests
{
    [Fact]
    public async Task TheSampleAsksItselfAndEnds()
    {
        MethodInfo main = Assembly.Load("AspNetCore").EntryPoint!;
        Assert.Equal(0, await Task.Run(() => (int)main.Invoke(null, [Array.Empty<string>()])!).WaitAsync(KestrelServer.Patience));
    }
}
