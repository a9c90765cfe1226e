using Causeway.Protocol;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// The crypt <c>null</c>: the UDP payload is the FEC or KCP datagram itself (docs/wire/kcptun.md 3.5).
/// </summary>
internal sealed class NullTransform : DatagramTransform
{
    public override int Headroom => 0;

    public override int Tailroom => 0;

    public override void Protect(ReadOnlySpan<PacketBuffer> batch)
    {
    }

    public override int Unprotect(Span<PacketBuffer> batch)
    {
        int opened = 0;
        for (int i = 0; i < batch.Length; i++)
        {
            if (batch[i].Length < ChecksummedTransform.MinPayload)
            {
                TooShort++;
            }
            else
            {
                ChecksummedTransform.Keep(batch, ref opened, i);
            }
        }

        return opened;
    }
}
