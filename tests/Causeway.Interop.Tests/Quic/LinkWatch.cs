using System.Net;
using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Interop.Tests.Quic;

/// <summary>What a <see cref="LinkWatch"/> sees of a datagram.</summary>
/// <param name="IsSent">Whether it leaves; else it arrives.</param>
/// <param name="Number">How many went the same way before it.</param>
/// <param name="FirstByte">Its first byte, which has the type of the first packet in it.</param>
/// <param name="Ecn">Its ECN bits.</param>
internal readonly record struct WatchedDatagram(bool IsSent, int Number, byte FirstByte, EcnCodepoint Ecn)
{
    /// <summary>Whether it is a Retry packet of QUIC v1 (RFC 9000, 17.2.5).</summary>
    public bool IsRetry => (FirstByte & 0xf0) == 0xf0;
}

/// <summary>Looks at the datagrams of another link, and drops those that it is told to.</summary>
internal sealed class LinkWatch(IDatagramLink inner, Func<WatchedDatagram, bool> passes) : IDatagramLink
{
    private readonly Lock _lock = new();
    private int _sent;
    private int _received;

    public DatagramLinkCapabilities Capabilities => inner.Capabilities;

    public EndPoint LocalEndPoint => inner.LocalEndPoint;

    public async ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            int count = await inner.ReceiveAsync(buffers, cancellationToken);
            int kept = 0;
            for (int i = 0; i < count; i++)
            {
                PacketBuffer datagram = buffers.Span[i];
                if (Passes(datagram, isSent: false))
                {
                    buffers.Span[kept++] = datagram;
                }
                else
                {
                    datagram.Release();
                }
            }

            if (kept > 0)
            {
                return kept;
            }
        }
    }

    public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        PacketBuffer[] kept = Array.FindAll(buffers.ToArray(), datagram => Passes(datagram, isSent: true));
        return kept.Length == 0 ? ValueTask.CompletedTask : inner.SendAsync(kept, cancellationToken);
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private bool Passes(PacketBuffer datagram, bool isSent)
    {
        lock (_lock)
        {
            int number = isSent ? _sent++ : _received++;
            return passes(new WatchedDatagram(isSent, number, datagram.Length == 0 ? (byte)0 : datagram.Payload[0], datagram.Ecn));
        }
    }
}
