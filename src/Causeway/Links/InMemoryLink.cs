using System.Net;
using Causeway.Protocol;

namespace Causeway.Links;

/// <summary>
/// One of two links that are connected inside the process: for tests, and for composing layers without a socket.
/// </summary>
public sealed class InMemoryLink : IDatagramLink
{
    private readonly InMemoryLinkOptions _options;
    private readonly PeerAddress _address;
    private readonly DatagramQueue _received;
    private InMemoryLink? _other;
    private long _dropped;
    private bool _disposed;

    private InMemoryLink(InMemoryLinkOptions options, int number)
    {
        _options = options;
        _received = new DatagramQueue(options.Capacity);

        // From TEST-NET-1 (RFC 5737), so that no real peer can be meant.
        IPEndPoint endPoint = new(new IPAddress([192, 0, 2, (byte)number]), number);
        _address = PeerAddress.FromEndPoint(endPoint);
        LocalEndPoint = endPoint;
        Capabilities = new DatagramLinkCapabilities { MaxDatagramSize = options.MaxDatagramSize };
    }

    /// <inheritdoc/>
    public DatagramLinkCapabilities Capabilities { get; }

    /// <summary>
    /// 192.0.2.1:1 for the first of a pair, 192.0.2.2:2 for the second: an address that exists in the pair alone.
    /// </summary>
    public EndPoint LocalEndPoint { get; }

    /// <summary>
    /// Datagrams of this link that the other one did not get: its queue was full, it was disposed, they were too large
    /// or meant for somebody else.
    /// </summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Makes two links, each of which receives what the other sends.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public static (InMemoryLink First, InMemoryLink Second) CreatePair(InMemoryLinkOptions? options = null)
    {
        options ??= new InMemoryLinkOptions();
        options.Validate();
        InMemoryLink first = new(options, number: 1);
        InMemoryLink second = new(options, number: 2) { _other = first };
        first._other = second;
        return (first, second);
    }

    /// <inheritdoc/>
    public ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        if (buffers.IsEmpty)
        {
            throw new ArgumentException("There must be room for at least one datagram.", nameof(buffers));
        }

        return _received.DequeueAsync(buffers, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        foreach (PacketBuffer datagram in buffers.Span)
        {
            if (!TryDeliver(datagram))
            {
                _dropped++;
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Ends a pending receive and releases what was not received. The other link lives on; what it sends is dropped.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        Volatile.Write(ref _disposed, true);
        _received.Close(new ObjectDisposedException(typeof(InMemoryLink).FullName));
        return ValueTask.CompletedTask;
    }

    // The caller keeps its buffer, so the other side gets a copy.
    private bool TryDeliver(PacketBuffer datagram)
    {
        InMemoryLink other = _other!;
        bool isForOther = datagram.Peer.IsNone || datagram.Peer == other._address;
        if (!isForOther || datagram.Length > _options.MaxDatagramSize)
        {
            return false;
        }

        PacketBuffer copy = _options.Pool.Rent(_options.Headroom);
        datagram.Payload.CopyTo(copy.Append(datagram.Length));
        copy.Peer = _address;
        copy.Ecn = datagram.Ecn;
        if (other._received.TryEnqueue(copy))
        {
            return true;
        }

        copy.Release();
        return false;
    }
}
