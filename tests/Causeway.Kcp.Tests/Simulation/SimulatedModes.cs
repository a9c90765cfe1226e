using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>kcptun's table of modes (docs/wire/kcptun.md 6) as settings of a simulated endpoint.</summary>
internal static class SimulatedModes
{
    public static ArqEndpointOptions Named(string mode, int window = 1024) => mode switch
    {
        "normal" => Fixed(noDelay: false, milliseconds: 40, window),
        "fast" => Fixed(noDelay: false, milliseconds: 30, window),
        "fast2" => Fixed(noDelay: true, milliseconds: 20, window),
        "fast3" => Fixed(noDelay: true, milliseconds: 10, window),
        "classic" => Fixed(noDelay: false, milliseconds: 40, window) with { Congestion = Classic },
        "manual" => new ArqEndpointOptions
        {
            Arq = new ArqOptions
            {
                Interval = TimeSpan.FromMilliseconds(50),
                FastResend = 0,
                SendWindow = window,
                ReceiveWindow = window,
            },
            Congestion = Classic,
        },
        _ => throw new ArgumentException($"There is no mode '{mode}'.", nameof(mode)),
    };

    private static ClassicController Classic(ArqOptions options) =>
        new(options.MaxDatagramSize - SegmentHeader.Size, options.FastResend);

    private static ArqEndpointOptions Fixed(bool noDelay, int milliseconds, int window) => new()
    {
        Arq = new ArqOptions
        {
            NoDelay = noDelay,
            Interval = TimeSpan.FromMilliseconds(milliseconds),
            FastResend = 2,
            SendWindow = window,
            ReceiveWindow = window,
        },
    };
}
