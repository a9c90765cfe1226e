using System.Net;
using System.Net.Sockets;

namespace Causeway.Benchmarks.Load;

/// <summary>A connection to the target on which messages come back.</summary>
internal sealed class Echo : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _request = new byte[TcpLoad.MessageSize + 1];
    private readonly byte[] _reply = new byte[TcpLoad.MessageSize];
    private int _sent;

    /// <param name="to">The tunnel's entrance.</param>
    /// <param name="patience">How long a message may take.</param>
    public Echo(IPEndPoint to, TimeSpan patience)
    {
        _socket = TcpLoad.Connect(to);
        _socket.ReceiveTimeout = (int)patience.TotalMilliseconds;
        _request[0] = TcpLoad.EchoRequest;
    }

    /// <summary>One message on a connection of its own.</summary>
    /// <returns>Whether it came back.</returns>
    public static bool TryOnce(IPEndPoint to)
    {
        try
        {
            using Echo echo = new(to, TimeSpan.FromSeconds(5));
            return echo.TryExchange();
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Sends a message and waits until it is back.</summary>
    /// <returns>False if the connection ended first or other bytes came.</returns>
    /// <exception cref="SocketException">It broke, or the answer took too long.</exception>
    public bool TryExchange()
    {
        BitConverter.TryWriteBytes(_request.AsSpan(1), _sent);

        // Only the first carries the byte that says what the connection is for.
        _socket.Send(_sent++ == 0 ? _request : _request.AsSpan(1));
        return TcpLoad.ReceiveAll(_socket, _reply) && _reply.AsSpan().SequenceEqual(_request.AsSpan(1));
    }

    public void Dispose() => _socket.Dispose();
}
