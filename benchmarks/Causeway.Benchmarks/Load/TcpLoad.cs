using System.Net;
using System.Net.Sockets;

namespace Causeway.Benchmarks.Load;

/// <summary>What both ends of the load have in common.</summary>
internal static class TcpLoad
{
    /// <summary>First byte of a connection whose other bytes come back.</summary>
    public const byte EchoRequest = (byte)'e';

    /// <summary>First byte of a connection that is sent to without end.</summary>
    public const byte FloodRequest = (byte)'f';

    /// <summary>First byte of a connection that is read without end.</summary>
    public const byte DrainRequest = (byte)'d';

    /// <summary>Bytes of a request, and of its answer.</summary>
    public const int MessageSize = 200;

    private const int BulkSize = 256 * 1024;

    // Bytes that nobody looks at need not leave the kernel: on Linux, MSG_TRUNC has TCP drop them there (tcp(7)).
    private static readonly SocketFlags s_discard = OperatingSystem.IsLinux() ? SocketFlags.Truncated : SocketFlags.None;

    public static Socket Connect(IPEndPoint to)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Connect(to);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends until the connection ends.</summary>
    public static void Flood(Socket socket)
    {
        byte[] buffer = new byte[BulkSize];
        Random.Shared.NextBytes(buffer);
        while (true)
        {
            socket.Send(buffer);
        }
    }

    /// <summary>Receives until the connection ends, and counts.</summary>
    public static void Drain(Socket socket, ref long received)
    {
        byte[] buffer = new byte[BulkSize];
        int count;
        while ((count = socket.Receive(buffer, s_discard)) > 0)
        {
            Interlocked.Add(ref received, count);
        }
    }

    /// <summary>Fills a buffer.</summary>
    /// <returns>Whether it was filled before the connection ended.</returns>
    public static bool ReceiveAll(Socket socket, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int count = socket.Receive(buffer);
            if (count == 0)
            {
                return false;
            }

            buffer = buffer[count..];
        }

        return true;
    }

    /// <summary>Runs an action on a thread of its own, which ends quietly when its sockets do.</summary>
    public static Thread Start(Action action)
    {
        Thread thread = new(() =>
        {
            try
            {
                action();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // The run is over, or the tunnel cut the connection: what was counted tells which.
            }
        })
        { IsBackground = true, Name = "load" };
        thread.Start();
        return thread;
    }
}
