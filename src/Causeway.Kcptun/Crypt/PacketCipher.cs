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
    /// <summary>Bytes of the nonce in front of a datagram.</summary>
    public const int NonceLength = 16;

    /// <summary>The longest datagram that it can do.</summary>
    public virtual int MaxLength => int.MaxValue;

    /// <summary>
    /// Bytes of the 16 of a nonce, or of what stands for it, that nobody without the key can change in a datagram that
    /// still opens: 8 or 16; 0 if there are none.
    /// </summary>
    public virtual int IdentityLength => NonceLength;

    /// <summary>Makes a nonce of which <see cref="ReadIdentity"/> reads this identity.</summary>
    /// <param name="nonce">16 bytes, filled with random ones.</param>
    /// <param name="identity"><see cref="IdentityLength"/> bytes.</param>
    public virtual void WriteIdentity(Span<byte> nonce, ReadOnlySpan<byte> identity) => identity.CopyTo(nonce);

    /// <summary>Reads the identity of a datagram from its nonce.</summary>
    /// <param name="nonce">The 16 bytes as they were before <see cref="Encrypt"/> or are after <see cref="Decrypt"/>.</param>
    /// <param name="identity">Takes <see cref="IdentityLength"/> bytes.</param>
    public virtual void ReadIdentity(ReadOnlySpan<byte> nonce, Span<byte> identity) =>
        nonce[..identity.Length].CopyTo(identity);

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
    public override int IdentityLength => 0;

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
