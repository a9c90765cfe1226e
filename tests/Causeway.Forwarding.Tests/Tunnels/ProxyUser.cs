using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Causeway.Forwarding.Tests.Tunnels;

/// <summary>A user of SOCKS 5, byte by byte.</summary>
internal static class ProxyUser
{
    public static async Task<Socket> GreetAsync(EndPoint proxy, byte[] greeting, byte[] answer)
    {
        Socket socket = await Sockets.ConnectAsync(proxy);
        await socket.SendAllAsync(greeting);
        Assert.Equal(Convert.ToHexString(answer), Convert.ToHexString(await socket.ReceiveExactlyAsync(answer.Length)));
        return socket;
    }

    /// <summary>Sends a request, and gives the reply and the bound address.</summary>
    public static async Task<(byte Reply, IPEndPoint Bound)> RequestAsync(this Socket socket, byte command, string host, int port)
    {
        await socket.SendAllAsync((byte[])[5, command, 0, .. Address(host, port)]);
        byte[] reply = await socket.ReceiveExactlyAsync(10);
        Assert.Equal((5, 0, 1), (reply[0], reply[2], reply[3]));
        return (reply[1], new IPEndPoint(new IPAddress(reply.AsSpan(4, 4)), BinaryPrimitives.ReadUInt16BigEndian(reply.AsSpan(8))));
    }

    public static byte[] Address(string host, int port)
    {
        byte[] end = [(byte)(port >> 8), (byte)port];
        return IPAddress.TryParse(host, out IPAddress? address)
            ? [address.AddressFamily == AddressFamily.InterNetwork ? (byte)1 : (byte)4, .. address.GetAddressBytes(), .. end]
            : [3, (byte)host.Length, .. Encoding.ASCII.GetBytes(host), .. end];
    }

    /// <summary>Reads a head of HTTP.</summary>
    public static async Task<string> ReceiveHeadAsync(this Socket socket)
    {
        StringBuilder head = new();
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            head.Append((char)(await socket.ReceiveExactlyAsync(1))[0]);
        }

        return head.ToString();
    }
}
