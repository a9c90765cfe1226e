using System.Net.Sockets;
using Causeway.Benchmarks.Harness;

namespace Causeway.Benchmarks.Load;

/// <summary>Memory of both ends with quiet connections, each of which carried one message before.</summary>
/// <param name="Streams">How many: all in one session, or each in its own.</param>
/// <param name="OwnSessions">Whether each has a session of its own.</param>
/// <param name="Settle">How long they are quiet before memory is read.</param>
internal sealed record IdleMeasure(int Streams, bool OwnSessions, TimeSpan Settle) : IMeasure
{
    public const string Name = "idle";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    public int Connections => Streams + 1;

    // Both implementations deal new connections to their sessions in turn.
    public string[] ClientArguments => OwnSessions ? ["--conn", $"{Streams}"] : [];

    public Scenario Describe(params ReadOnlySpan<(string Key, object Value)> tunnel) =>
        Scenario.Of(Name, [.. tunnel, ("streams", Streams), ("sessions", OwnSessions ? Streams : 1)]);

    public IReadOnlyList<(string Metric, double Value)> Run(RunningTunnel tunnel, TcpTarget target)
    {
        List<Echo> connections = [];
        try
        {
            for (int i = 0; i < Streams; i++)
            {
                Echo echo = new(tunnel.Entrance, s_patience);
                connections.Add(echo);
                if (!echo.TryExchange())
                {
                    throw new MeasureException($"connection {i + 1} carried nothing");
                }
            }

            Thread.Sleep(Settle);
            return
            [
                (Metrics.Resident, tunnel.ResidentMegabytes),
                (Metrics.Proportional, tunnel.ProportionalMegabytes),
                (Metrics.PeakMemory, tunnel.PeakMegabytes),
            ];
        }
        catch (SocketException error)
        {
            throw new MeasureException($"connection {connections.Count} broke: {error.Message}");
        }
        finally
        {
            connections.ForEach(static echo => echo.Dispose());
        }
    }
}
