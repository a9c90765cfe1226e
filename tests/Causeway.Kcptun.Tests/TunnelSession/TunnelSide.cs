using Causeway.Kcp;
using Causeway.Kcp.Smux;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Kcptun.Tests.TunnelSession;

/// <summary>
/// One side of a recorded exchange, played by a session of ours: it is fed what the other side sent, and its datagrams are
/// thrown away. It writes all that its side wrote as soon as it has the stream, because the other side's window updates speak
/// of those bytes.
/// </summary>
internal sealed class TunnelSide : IDisposable
{
    private readonly PacketPool _pool = new(track: true, stackTraces: false);
    private readonly DatagramTransform _transform;
    private readonly PacketBatch _batch = new(64);
    private readonly List<byte> _received = [];
    private readonly StreamCipher? _cipher;
    private readonly BufferedStreamSource _source;
    private readonly byte[] _writes;
    private TransportStream? _stream;

    public TunnelSide(TunnelRecording recording, EndpointRole role)
    {
        KcpProfile profile = recording.Profile(role).Transport;
        _transform = profile.PacketProtection!();
        _cipher = profile.StreamCipher?.Invoke();
        int size = profile.Mtu - _transform.Headroom - _transform.Tailroom;
        Session = new KcpSession(
            recording.Conversation, role, profile, size, _transform.Headroom, _transform.Tailroom, _pool, Timestamp.Zero);
        _source = new BufferedStreamSource(_pool);
        _writes = role == EndpointRole.Client ? recording.Requests : recording.Responses;
        _cipher?.Encrypt(_writes, _writes);
        if (role == EndpointRole.Client)
        {
            Take(Session.Streams.TryOpen(Timestamp.Zero)!);
            Turn(Timestamp.Zero);
        }
    }

    public KcpSession Session { get; }

    public uint? StreamId => (uint?)_stream?.Id;

    /// <summary>What the application has read, with the stream's cipher undone.</summary>
    public byte[] Received => [.. _received];

    public bool ReadsFinished { get; private set; }

    public void Receive(byte[] wire, Timestamp now)
    {
        PacketBuffer datagram = _pool.Rent();
        wire.CopyTo(datagram.Append(wire.Length));
        if (_transform.Unprotect([datagram]) == 1)
        {
            Session.Input(datagram, now);
        }

        datagram.Release();
        Turn(now);
    }

    /// <summary>Takes in a datagram without packet protection. It stays the caller's.</summary>
    public void ReceiveOpened(PacketBuffer datagram, Timestamp now)
    {
        Session.Input(datagram, now);
        Turn(now);
    }

    public void Dispose()
    {
        Session.Dispose();
        _source.Dispose();
        _transform.Dispose();
        _pool.ThrowIfOutstanding();
    }

    private void Turn(Timestamp now)
    {
        Session.Deliver(now);
        while (Session.Streams.TryReadEvent(out StreamEvent e))
        {
            switch (e.Kind)
            {
                case StreamEventKind.Accepted:
                    Take(e.Stream!);
                    break;
                case StreamEventKind.Readable:
                    Read(e.Stream!);
                    break;
                case StreamEventKind.ReadsFinished:
                    ReadsFinished = true;
                    break;
                case StreamEventKind.Reset:
                    Assert.Fail($"The recorded stream was not reset, but now: {e.Stream!.ResetReason}.");
                    break;
            }
        }

        bool more;
        do
        {
            more = Session.Flush(_batch, default, now);
            _batch.ReleaseAll();
        }
        while (more);
    }

    private void Take(TransportStream stream)
    {
        Assert.Null(_stream);
        _stream = stream;
        stream.Source = _source;
        Assert.Equal(_writes.Length, _source.Write(_writes));
        stream.NotifyWritable();
    }

    private void Read(TransportStream stream)
    {
        while (stream.TryRead(out PacketSlice slice))
        {
            byte[] bytes = slice.Span.ToArray();
            slice.Release();
            stream.Consumed(bytes.Length);
            _cipher?.Decrypt(bytes, bytes);
            _received.AddRange(bytes);
        }
    }
}
