using Causeway.Kcp.Fec;
using Causeway.Kcp.Smux;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Protocol.Streams;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>Profiles of whole sessions, with kcptun's modes in their reliable layer.</summary>
internal static class SimulatedProfiles
{
    private static readonly string[] s_modes = ["normal", "fast", "fast2", "fast3", "manual", "classic"];

    public static KcpProfile Named(string mode, int smux = 2, int window = 1024, FecOptions? fec = null)
    {
        ArqEndpointOptions options = SimulatedModes.Named(mode, window);
        KcpProfile profile = new()
        {
            Arq = options.Arq,
            Mux = new SmuxOptions { Version = smux },
            Fec = fec ?? FecOptions.Off,
            CongestionControl = static _ => new FixedController(),
        };
        return options.Congestion is { } congestion
            ? profile with { CongestionControl = _ => congestion(options.Arq) }
            : profile;
    }

    /// <summary>Any mixture of settings.</summary>
    public static SessionEndpointOptions Random(SeededRandom random)
    {
        KcpProfile profile = Named(
            s_modes[random.Next(s_modes.Length)],
            random.Between(1, 2),
            random.Chance(0.2) ? random.Between(8, 64) : 1024,
            random.Chance(0.5)
                ? new FecOptions { DataShards = random.Between(1, 16), ParityShards = random.Between(1, 6) }
                : FecOptions.Off);
        int streamBuffer = random.Chance(0.3) ? random.Between(1, 40_000) : 2 << 20;
        return new SessionEndpointOptions
        {
            Profile = profile with
            {
                Mtu = random.Chance(0.2) ? random.Between(200, 1500) : 1350,
                RateLimit = random.Chance(0.15) ? random.Between(40_000, 2_000_000) : 0,
                Mux = profile.Mux with
                {
                    MaxFrameSize = random.Chance(0.2) ? random.Between(1, 65535) : 8192,
                    StreamBuffer = streamBuffer,
                    ReceiveBuffer = Math.Max(streamBuffer, random.Chance(0.3) ? 60_000 : 4 << 20),
                    HalfCloseExtension = random.Chance(0.7),
                },
            },
            BatchLimit = random.Chance(0.3) ? random.Between(1, 4) : 64,
        };
    }
}
