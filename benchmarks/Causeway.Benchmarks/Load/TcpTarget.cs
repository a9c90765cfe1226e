using System.Net;
using System.Net.Sockets;

namespace Causeway.Benchmarks.Load;

/// <summary>
/// What a tunnel's server connects to. The first byte of a connection says what it does: echo, send without end, or swallow
/// and count. Blocking calls on threads of its own: the cheapest load there is, since the programs under test need the cores.
/// </summary>
internal sealed class TcpTarget : IDisposable
{
    private const int StackSize = 128 * 1024;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly HashSet<Socket> _open = [];
    private readonly Thread[] _threads;
    private volatile bool _stopped;
    private long _received;

    /// <param name="connections">How many it serves at a time; more wait.</param>
    public TcpTarget(int connections)
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(1024);
        _threads = new Thread[connections];
        for (int i = 0; i < connections; i++)
        {
            _threads[i] = new Thread(Run, StackSize) { IsBackground = true, Name = "target" };
            _threads[i].Start();
        }
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>Bytes swallowed so far.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <summary>Cuts every connection and waits for the threads.</summary>
    public void Dispose()
    {
        _stopped = true;
        _listener.Dispose();
        lock (_open)
        {
            foreach (Socket socket in _open)
            {
                socket.Dispose();
            }
        }

        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    private void Run()
    {
        byte[] small = new byte[TcpLoad.MessageSize * 4];
        while (!_stopped)
        {
            Socket? socket = null;
            try
            {
                socket = _listener.Accept();
                if (TryAdd(socket))
                {
                    Serve(socket, small);
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // The tunnel cut the connection, or the run is over.
            }

            if (socket is not null)
            {
                lock (_open)
                {
                    _open.Remove(socket);
                }

                socket.Dispose();
            }
        }
    }

    private bool TryAdd(Socket socket)
    {
        lock (_open)
        {
            return !_stopped && _open.Add(socket);
        }
    }

    private void Serve(Socket socket, byte[] small)
    {
        socket.NoDelay = true;
        int count = socket.Receive(small);
        if (count == 0)
        {
            return;
        }

        switch (small[0])
        {
            case TcpLoad.EchoRequest:
                socket.Send(small.AsSpan(1, count - 1));
                while ((count = socket.Receive(small)) > 0)
                {
                    socket.Send(small.AsSpan(0, count));
                }

                break;
            case TcpLoad.FloodRequest:
                TcpLoad.Flood(socket);
                break;
            case TcpLoad.DrainRequest:
                TcpLoad.Drain(socket, ref _received);
                break;
        }
    }
}
