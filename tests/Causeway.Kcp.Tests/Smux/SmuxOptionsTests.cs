using Causeway.Kcp.Smux;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Kcp.Tests.Smux;

public sealed class SmuxOptionsTests
{
    public static TheoryData<string, SmuxOptions> Bad() => new()
    {
        { nameof(SmuxOptions.Version), new SmuxOptions { Version = 0 } },
        { nameof(SmuxOptions.Version), new SmuxOptions { Version = 3 } },
        { nameof(SmuxOptions.MaxFrameSize), new SmuxOptions { MaxFrameSize = 0 } },
        { nameof(SmuxOptions.MaxFrameSize), new SmuxOptions { MaxFrameSize = 65536 } },
        { nameof(SmuxOptions.ReceiveBuffer), new SmuxOptions { ReceiveBuffer = 0 } },
        { nameof(SmuxOptions.StreamBuffer), new SmuxOptions { StreamBuffer = 0 } },
        { nameof(SmuxOptions.StreamBuffer), new SmuxOptions { Version = 1, ReceiveBuffer = 4 << 20, StreamBuffer = 5 << 20 } },
        { nameof(SmuxOptions.StreamBuffer), new SmuxOptions { MemoryBudget = 1 << 20, StreamBuffer = 2 << 20 } },
        { nameof(SmuxOptions.MemoryBudget), new SmuxOptions { MemoryBudget = (1 << 20) - 1 } },
        { nameof(SmuxOptions.MemoryBudget), new SmuxOptions { MemoryBudget = (1 << 30) + 1 } },
        { nameof(SmuxOptions.KeepAliveInterval), new SmuxOptions { KeepAliveInterval = TimeSpan.Zero } },
        { nameof(SmuxOptions.KeepAliveInterval), new SmuxOptions { KeepAliveInterval = TimeSpan.FromSeconds(-1) } },
        { nameof(SmuxOptions.KeepAliveInterval), new SmuxOptions { KeepAliveInterval = TimeSpan.FromSeconds(31) } },
        { nameof(SmuxOptions.KeepAliveTimeout), new SmuxOptions { KeepAliveTimeout = TimeSpan.Zero } },
        { nameof(SmuxOptions.KeepAliveTimeout), new SmuxOptions { KeepAliveTimeout = TimeSpan.MaxValue } },
        { nameof(SmuxOptions.MaxStreams), new SmuxOptions { MaxStreams = 0 } },
        { nameof(SmuxOptions.AcceptBacklog), new SmuxOptions { AcceptBacklog = 0 } },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void BadSettingsAreNamed(string name, SmuxOptions options)
    {
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(options.Validate);
        Assert.Equal(name, e.ParamName);
        Assert.Contains("must be", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new SmuxSession(EndpointRole.Client, options, PacketPool.Shared, default));
    }

    [Fact]
    public void KcptunsSettingsAreTheDefaultsButForTheBuffers()
    {
        SmuxOptions options = new();
        options.Validate();
        Assert.Equal((2, 8192), (options.Version, options.MaxFrameSize));
        Assert.Null(options.ReceiveBuffer);
        Assert.Null(options.StreamBuffer);
        Assert.Equal(64 << 20, options.MemoryBudget);
        Assert.Equal((10.0, 30.0), (options.KeepAliveInterval.TotalSeconds, options.KeepAliveTimeout.TotalSeconds));
    }
}
