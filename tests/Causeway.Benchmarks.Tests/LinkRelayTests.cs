using System.Net;
using System.Net.Sockets;
using Causeway.Benchmarks.Link;
using Causeway.Testing;

namespace Causeway.Benchmarks.Tests;

public sealed class LinkRelayTests
{
    private const int ReceiveLimit = 10_000;

    [Fact]
    public void CarriesDatagramsOfManyClientsBothWays()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using Socket server = Bound();
        using LinkRelay relay = new((IPEndPoint)server.LocalEndPoint!, new FaultModelOptions(), seed: 1);
        using Socket first = Bound();
        using Socket second = Bound();
        byte[] buffer = new byte[100];
        foreach (Socket client in (Socket[])[first, second, first])
        {
            byte[] sent = [.. BitConverter.GetBytes(client.LocalEndPoint!.GetHashCode()), 1, 2, 3];
            client.SendTo(sent, relay.EndPoint);
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            int count = server.ReceiveFrom(buffer, ref from);
            Assert.Equal(sent, buffer[..count]);
            server.SendTo(buffer.AsSpan(0, count - 1), from);
            count = client.Receive(buffer);
            Assert.Equal(sent[..^1], buffer[..count]);
        }

        Assert.Equal(new RelayCounters(3 * (7 + 28), 3 * (6 + 28), 0), relay.Counters);
    }

    [Fact]
    public void LosesWhatTheModelLoses()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        const int Count = 200;
        FaultModelOptions faults = new() { Loss = 0.5 };
        FaultModel model = new(faults, seed: 7, direction: 0);
        byte[] expected = [.. Enumerable.Range(0, Count).Where(_ => !model.Decide(1, default).IsLost).Select(static i => (byte)i)];
        using Socket server = Bound();
        using LinkRelay relay = new((IPEndPoint)server.LocalEndPoint!, faults, seed: 7);
        using Socket client = Bound();
        for (int i = 0; i < Count; i++)
        {
            client.SendTo([(byte)i], relay.EndPoint);
        }

        byte[] arrived = new byte[expected.Length];
        for (int i = 0; i < arrived.Length; i++)
        {
            server.Receive(arrived.AsSpan(i, 1));
        }

        Assert.InRange(expected.Length, 1, Count - 1);
        Assert.Equal(expected, arrived);
    }

    private static Socket Bound()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = ReceiveLimit };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }
}
