using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>An <see cref="IPacketSink"/> that sends each datagram over an <see cref="IDatagramOutput"/>.</summary>
/// <remarks>Reusable: <see cref="Open"/> it before a flush and <see cref="Close"/> it afterwards.</remarks>
public sealed class DatagramSink : IPacketSink
{
    private IDatagramOutput? _output;
    private PacketBuffer? _buffer;
    private int _headroom;
    private int _left;

    /// <summary>Where the datagrams go; none for the endpoint that was connected first.</summary>
    public PeerAddress Peer { get; set; }

    /// <summary>Whether the last flush was stopped by the batch's limit, so that another one has to follow.</summary>
    public bool WasFull { get; private set; }

    /// <summary>Datagrams committed since the sink was made.</summary>
    public long Count { get; private set; }

    /// <summary>Begins a batch.</summary>
    /// <param name="output">Where it leaves to.</param>
    /// <param name="limit">How many datagrams fit; the sink answers with an empty span after that.</param>
    /// <param name="headroom">Free bytes in front of each datagram.</param>
    public void Open(IDatagramOutput output, int limit = int.MaxValue, int headroom = PacketPool.DefaultHeadroom)
    {
        _output = output;
        _headroom = headroom;
        _left = limit;
        WasFull = false;
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int size)
    {
        if (_left == 0)
        {
            WasFull = true;
            return default;
        }

        _buffer ??= Output.Pool.Rent(_headroom);
        _buffer.Reset(_headroom);
        return _buffer.Append(size);
    }

    /// <inheritdoc/>
    public void Commit(int length)
    {
        PacketBuffer datagram = _buffer ?? throw new InvalidOperationException("Commit without a GetSpan before it.");
        _buffer = null;
        _left--;
        Count++;
        datagram.Truncate(length);
        datagram.Peer = Peer;
        Output.Send(datagram);
    }

    /// <summary>Ends the batch and gives back the buffer of a span that was not committed.</summary>
    public void Close()
    {
        _buffer?.Release();
        _buffer = null;
        _output = null;
    }

    private IDatagramOutput Output => _output ?? throw new InvalidOperationException("The sink is not open.");
}
