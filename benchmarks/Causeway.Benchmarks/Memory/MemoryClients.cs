using System.Net;
using Causeway.Kcptun;

namespace Causeway.Benchmarks.Memory;

/// <summary>The other process: sessions that each exchange a byte, and then read whatever streams the server opens.</summary>
internal static class MemoryClients
{
    // More would fill the listener's backlog.
    private const int OpenTogether = 16;

    public static async Task RunAsync(KcptunProfile profile, int port, int sessions)
    {
        CausewayClientOptions options = new()
        {
            Profile = profile.Transport,
            RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, port),
        };
        await Parallel.ForAsync(
            0,
            sessions,
            new ParallelOptions { MaxDegreeOfParallelism = OpenTogether },
            async (number, cancellation) =>
            {
                CausewayConnection connection = await CausewayConnection.ConnectAsync(options, cancellation);
                await using CausewayStream stream = await connection.OpenStreamAsync(cancellation);
                await stream.WriteAsync(new byte[1], cancellation);
                await stream.ReadExactlyAsync(new byte[1], cancellation);
                _ = ReadStreamsAsync(connection);
            });

        // Until the process is killed by the one that measures.
        await Task.Delay(Timeout.Infinite);
    }

    private static async Task ReadStreamsAsync(CausewayConnection connection)
    {
        byte[] buffer = new byte[64 * 1024];
        while (true)
        {
            await using CausewayStream stream = await connection.AcceptStreamAsync();
            while (await stream.ReadAsync(buffer) > 0)
            {
            }
        }
    }
}
