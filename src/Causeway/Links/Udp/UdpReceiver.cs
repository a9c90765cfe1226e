using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Causeway.Protocol;

namespace Causeway.Links.Udp;

/// <summary>The receiving half of a link: takes what is there, and waits when nothing is.</summary>
internal abstract class UdpReceiver
{
    // Errors are answers to what we sent, so a few in a row are normal; one that never goes away must not spin.
    private const int ErrorsBeforePause = 16;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(10);

    private OperationGate _gate;

    protected UdpReceiver(Socket socket, UdpLinkOptions options, UdpCounters counters)
    {
        Socket = socket;
        Options = options;
        Counters = counters;
    }

    protected Socket Socket { get; }

    protected UdpLinkOptions Options { get; }

    protected UdpCounters Counters { get; }

    /// <inheritdoc cref="IDatagramLink.ReceiveAsync"/>
    public ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<int>(cancellationToken);
        }

        if (buffers.IsEmpty)
        {
            throw new ArgumentException("There must be room for at least one datagram.", nameof(buffers));
        }

        _gate.Enter(typeof(UdpLink));
        bool waits = false;
        try
        {
            int count = TryReceive(buffers.Span);
            waits = count == 0;
            return waits ? WaitAndReceiveAsync(buffers, cancellationToken) : new ValueTask<int>(count);
        }
        finally
        {
            if (!waits)
            {
                Leave();
            }
        }
    }

    /// <summary>
    /// Refuses receives from now on. The socket must be disposed afterwards, which ends one that waits.
    /// </summary>
    public void Close()
    {
        if (_gate.Close())
        {
            ReleaseBuffers();
        }
    }

    /// <summary>Takes what has arrived, without waiting.</summary>
    protected abstract int TryReceive(Span<PacketBuffer> buffers);

    /// <summary>Waits until <see cref="TryReceive"/> may have something. The result has no meaning.</summary>
    /// <exception cref="SocketException">An earlier send failed; or the socket was disposed.</exception>
    protected abstract ValueTask<int> WaitAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Gives back all buffers that wait for datagrams. Called once, when nothing is under way any more.
    /// </summary>
    protected abstract void ReleaseBuffers();

    private void Leave()
    {
        if (_gate.Exit())
        {
            ReleaseBuffers();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> WaitAndReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken)
    {
        try
        {
            int errors = 0;
            while (true)
            {
                try
                {
                    await WaitAsync(cancellationToken).ConfigureAwait(false);
                    int count = TryReceive(buffers.Span);
                    if (count > 0)
                    {
                        return count;
                    }
                }
                catch (SocketException error)
                {
                    ObjectDisposedException.ThrowIf(_gate.IsClosed, typeof(UdpLink));
                    Counters.ReceiveErrors++;
                    Counters.NoteRefusal(error.SocketErrorCode);
                    if (++errors % ErrorsBeforePause == 0)
                    {
                        await Task.Delay(s_pause, cancellationToken).ConfigureAwait(false);
                    }
                }
            }
        }
        finally
        {
            Leave();
        }
    }
}
