using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Causeway.Protocol;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// A length-preserving cipher over whole datagrams, each of which starts from the same state. It knows nothing of
/// headers: <see cref="ChecksummedTransform"/> puts them there. One instance serves one thread at a time.
/// </summary>
internal abstract class PacketCipher : IDisposable
{
    /// <summary>The longest datagram that it can do.</summary>
    public virtual int MaxLength => int.MaxValue;

    /// <summary>Encrypts the payload of every datagram in place.</summary>
    public abstract void Encrypt(ReadOnlySpan<PacketBuffer> batch);

    /// <summary>Decrypts the payload of every datagram in place.</summary>
    public abstract void Decrypt(ReadOnlySpan<PacketBuffer> batch);

    /// <summary>Zeroes key material. The instance must not be used afterwards.</summary>
    public abstract void Dispose();

    /// <summary>Where a payload starts: packet buffers lie in pinned arrays for as long as they are rented.</summary>
    protected static unsafe byte* Address(PacketBuffer buffer) =>
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(buffer.Payload));
}

/// <summary>The crypt <c>none</c>: header and checksum in clear.</summary>
internal sealed class IdentityCipher : PacketCipher
{
    public override void Encrypt(ReadOnlySpan<PacketBuffer> batch)
    {
    }

    public override void Decrypt(ReadOnlySpan<PacketBuffer> batch)
    {
    }

    public override void Dispose()
    {
    }
}
