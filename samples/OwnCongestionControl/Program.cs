using System.Diagnostics;
using System.Globalization;
using System.Net;
using Causeway;
using Causeway.Kcp;
using Causeway.Kcp.Arq;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Samples;
using Causeway.Testing;

// 4 MB each over a link inside this process: 20 Mbit/s, 20 ms there and back, 100 ms of queue, 1 % of the datagrams lost.
const int Size = 4_000_000;
var link = new FaultModelOptions { RateBitsPerSecond = 20_000_000, Delay = TimeSpan.FromMilliseconds(10), QueueBytes = 250_000 };

Console.WriteLine("congestion control   Mbit/s   round trip   sent again");
await TransferAsync("our own", segmentSize => new QueueTargetController(segmentSize));
foreach (string name in CongestionControllers.Names)
{
    await TransferAsync(name, CongestionControllers.ByName(name));
}

async Task TransferAsync(string title, Func<int, CongestionController> congestionControl)
{
    (InMemoryLink near, InMemoryLink far) = InMemoryLink.CreatePair();
    var lossy = new FaultInjectionLink(near, new FaultInjectionOptions { Send = link with { Loss = 0.01 }, Receive = link });
    var profile = new KcpProfile { CongestionControl = congestionControl };

    await using var listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
    {
        Profile = profile,
        ListenEndPoint = (IPEndPoint)far.LocalEndPoint,
        CreateLink = _ => far,
    });
    await using var connection = await CausewayConnection.ConnectAsync(new CausewayClientOptions
    {
        Profile = profile,
        RemoteEndPoint = far.LocalEndPoint,
        CreateLink = _ => lossy,
    });
    await using CausewayStream stream = await connection.OpenStreamAsync();
    long begun = Stopwatch.GetTimestamp();
    Task writing = stream.WriteAsync(new byte[Size]).AsTask();
    CausewayConnection peer = await listener.AcceptConnectionAsync();
    await using CausewayStream incoming = await peer.AcceptStreamAsync();
    await incoming.ReadExactlyAsync(new byte[Size]);
    double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
    await writing;

    ArqStatistics arq = ((KcpStatistics)connection.Statistics.Transport).Arq;
    long again = arq.FastRetransmits + arq.EarlyRetransmits + arq.Timeouts;
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{title,-18} {Size * 8 / seconds / 1e6,8:F1} {arq.SmoothedRtt.TotalMilliseconds,9:F0} ms {100.0 * again / arq.OutDataSegments,10:F1} %"));
}
