using System.Net;
using System.Net.Sockets;

namespace Causeway.Forwarding.Tests;

public sealed class ForwardEndPointTests
{
    [Theory]
    [InlineData("127.0.0.1:80", "127.0.0.1:80")]
    [InlineData("[::1]:80", "[::1]:80")]
    [InlineData("[::ffff:192.0.2.1]:80", "192.0.2.1:80")]
    [InlineData(":8080", "[::]:8080")]
    [InlineData("example.net:0", "Unspecified/example.net:0")]
    [InlineData("localhost:65535", "Unspecified/localhost:65535")]
    [InlineData("/run/app.sock", "/run/app.sock")]
    [InlineData("app.sock", "app.sock")]
    [InlineData("/run/a:80", "/run/a:80")]
    [InlineData("::1:80", "::1:80")]
    [InlineData("@name", "@name")]
    public void ParsesHostAndPortOrElseAPath(string text, string expected)
    {
        ForwardEndPoint endPoint = ForwardEndPoint.Parse(text);

        Assert.Equal(expected, endPoint.EndPoint.ToString());
        Assert.Equal(text, endPoint.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("localhost:65536")]
    [InlineData("localhost:-1")]
    [InlineData("localhost:http")]
    [InlineData("localhost:")]
    public void RefusesWhatCannotBeAnAddress(string text) =>
        Assert.Throws<FormatException>(() => ForwardEndPoint.Parse(text));

    [Fact]
    public void RefusesAPathThatIsTooLong() =>
        Assert.Throws<FormatException>(() => ForwardEndPoint.Parse("/" + new string('x', 200)));

    [Fact]
    public async Task AUnixSocketCarriesConnectionsAndReplacesAStaleFile()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            ForwardEndPoint endPoint = ForwardEndPoint.Parse(Path.Combine(folder, "a.sock"));

            // A process that was killed leaves its file behind; one that closes its socket has to be kept from removing it.
            Socket killed = endPoint.Listen(1);
            File.Move(endPoint.ToString(), endPoint + ".kept");
            killed.Dispose();
            File.Move(endPoint + ".kept", endPoint.ToString());
            using Socket listener = endPoint.Listen(1);
            Task<Socket> accepting = listener.AcceptAsync();
            using Socket near = (await endPoint.ConnectAsync(static _ => true, CancellationToken.None).Guarded())!;
            using Socket far = await accepting.Guarded();
            await near.SendAllAsync(new byte[] { 42 });
            Assert.Equal([42], await far.ReceiveExactlyAsync(1));

            // But one that is listened on is not taken away.
            Assert.Throws<SocketException>(() => endPoint.Listen(1));
            endPoint.Unlink();
            Assert.False(File.Exists(endPoint.ToString()));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void DoesNotDeleteAFileThatIsNoSocket()
    {
        string path = Path.GetTempFileName();
        try
        {
            Assert.Throws<SocketException>(() => ForwardEndPoint.Parse(path).Listen(1));
            Assert.True(File.Exists(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task AcceptedSocketsAreWhatABridgeNeeds()
    {
        using Socket listener = ForwardEndPoint.Parse("127.0.0.1:0").Listen(1);
        using Socket client = await Sockets.ConnectAsync(listener.LocalEndPoint!);
        using Socket accepted = await listener.AcceptAsync().Guarded();
        ForwardEndPoint.Prepare(accepted);
        Assert.True(accepted.NoDelay);
        Assert.Equal(1, accepted.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive));
        Assert.Equal(15, accepted.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime));
        Assert.Equal(15, accepted.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval));
    }

    [Fact]
    public async Task ConnectingSetsNoDelay()
    {
        using Socket listener = Sockets.Listen();
        using Socket socket = (await ForwardEndPoint.From((IPEndPoint)listener.LocalEndPoint!).ConnectAsync(static _ => true, CancellationToken.None).Guarded())!;

        Assert.True(socket.NoDelay);
    }
}
