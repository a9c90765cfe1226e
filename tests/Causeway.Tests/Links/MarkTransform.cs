using Causeway.Protocol;

namespace Causeway.Tests.Links;

/// <summary>Puts a mark around a payload, and refuses what has none.</summary>
internal sealed class MarkTransform : DatagramTransform
{
    private readonly char _mark;
    private readonly int _tailroom;

    public MarkTransform(char mark, int tailroom = 1)
    {
        _mark = mark;
        _tailroom = tailroom;
    }

    public bool IsDisposed { get; private set; }

    public override int Headroom => 1;

    public override int Tailroom => _tailroom;

    public override void Protect(ReadOnlySpan<PacketBuffer> batch)
    {
        foreach (PacketBuffer datagram in batch)
        {
            datagram.Prepend(1)[0] = (byte)_mark;
            datagram.Append(_tailroom).Fill((byte)_mark);
        }
    }

    public override int Unprotect(Span<PacketBuffer> batch)
    {
        int opened = 0;
        for (int i = 0; i < batch.Length; i++)
        {
            PacketBuffer datagram = batch[i];
            if (datagram.Length < 1 + _tailroom || datagram.Payload[0] != _mark)
            {
                NotAuthentic++;
                continue;
            }

            datagram.Advance(1);
            datagram.Truncate(datagram.Length - _tailroom);
            (batch[opened], batch[i]) = (datagram, batch[opened]);
            opened++;
        }

        return opened;
    }

    protected override void Dispose(bool disposing)
    {
        IsDisposed = true;
        base.Dispose(disposing);
    }
}
