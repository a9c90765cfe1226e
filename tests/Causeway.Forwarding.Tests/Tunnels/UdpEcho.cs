using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Causeway.Forwarding.Tests.Tunnels;

/// <summary>A UDP port that sends back what it gets, and knows who sent it.</summary>
internal sealed class UdpEcho : IAsyncDisposable
{
    private readonly Socket _socket = UdpPeer.Bind();
    private readonly Task _serving;
    private readonly HashSet<EndPoint> _sources = [];

    public UdpEcho() => _serving = ServeAsync();

    public ForwardEndPoint EndPoint => ForwardEndPoint.From((IPEndPoint)_socket.LocalEndPoint!);

    /// <summary>How many addresses have sent something.</summary>
    public int Sources
    {
        get
        {
            lock (_sources)
            {
                return _sources.Count;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _serving.Guarded();
    }

    private async Task ServeAsync()
    {
        byte[] buffer = new byte[65536];
        try
        {
            while (true)
            {
                SocketReceiveFromResult got = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0));
                lock (_sources)
                {
                    _sources.Add(got.RemoteEndPoint);
                }

                await _socket.SendToAsync(buffer.AsMemory(0, got.ReceivedBytes), SocketFlags.None, got.RemoteEndPoint);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
        }
    }
}

/// <summary>An application that speaks UDP to one address.</summary>
internal sealed class UdpPeer : IDisposable
{
    // Only says again what may have been lost: on loopback next to nothing is.
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(2);

    private readonly Socket _socket = Bind();
    private readonly HashSet<string> _sent = [];

    public UdpPeer(EndPoint address) => _socket.Connect(address);

    public static Socket Bind()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 << 20 };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    public Task SendAsync(byte[] payload) => _socket.SendAsync(payload, SocketFlags.None).Guarded();

    public async Task<byte[]> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        byte[] buffer = new byte[65536];
        return buffer[..await _socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken).Guarded()];
    }

    /// <summary>Sends until the payload comes back, and asserts that it is the same. Other payloads, from before, are passed over.</summary>
    public async Task EchoAsync(byte[] payload)
    {
        _sent.Add(Convert.ToHexString(SHA256.HashData(payload)));
        for (int attempt = 0; attempt < 20; attempt++)
        {
            await SendAsync(payload);
            using CancellationTokenSource again = new(s_again);
            try
            {
                while (true)
                {
                    byte[] got = await ReceiveAsync(again.Token);
                    if (got.AsSpan().SequenceEqual(payload))
                    {
                        return;
                    }

                    // An answer to what was sent again before, and nothing that was cut or changed.
                    Assert.Contains(Convert.ToHexString(SHA256.HashData(got)), _sent);
                }
            }
            catch (OperationCanceledException)
            {
            }
        }

        Assert.Fail($"{payload.Length} bytes never came back whole");
    }

    public void Dispose() => _socket.Dispose();
}
