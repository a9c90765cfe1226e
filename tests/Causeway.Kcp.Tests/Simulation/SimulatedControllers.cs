using Causeway.Kcp.Arq;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>The congestion controllers by name, as settings of a simulated endpoint.</summary>
internal static class SimulatedControllers
{
    // What the modern controllers get: so much that they alone decide what is in flight.
    private const int AmpleWindow = 65535;

    // What a user of kcptun would set by hand.
    private const int HandSetWindow = 1024;

    private static readonly (string Name, int Window, Func<ArqOptions, CongestionController> Make)[] s_all =
    [
        ("bbr", AmpleWindow, static options => new BbrController(options.SegmentSize)),
        ("cubic", AmpleWindow, static options => new CubicController(options.SegmentSize)),
        ("newreno", AmpleWindow, static options => new NewRenoController(options.SegmentSize)),
        ("classic", HandSetWindow, static options => new ClassicController(options.SegmentSize, options.FastResend)),
        ("fixed", HandSetWindow, static _ => new FixedController()),
    ];

    /// <summary>Those that find out by themselves how much a path takes.</summary>
    public static string[] Modern { get; } = [.. s_all.Where(static one => one.Window == AmpleWindow).Select(static one => one.Name)];

    /// <summary>kcptun's, which depend on a window that a user sets.</summary>
    public static string[] HandSet { get; } =
        [.. s_all.Where(static one => one.Window == HandSetWindow).Select(static one => one.Name)];

    /// <summary>An endpoint with default settings, apart from the windows, and a controller.</summary>
    public static ArqEndpointOptions Named(string name)
    {
        foreach ((string known, int window, Func<ArqOptions, CongestionController> make) in s_all)
        {
            if (known == name)
            {
                return new ArqEndpointOptions
                {
                    Arq = new ArqOptions { SendWindow = window, ReceiveWindow = window },
                    Congestion = make,
                };
            }
        }

        throw new ArgumentException($"There is no controller '{name}'.", nameof(name));
    }
}
