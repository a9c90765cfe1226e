using System.Diagnostics;

namespace Causeway.Protocol.Crypto;

/// <summary>
/// AES in Galois/Counter Mode (SP 800-38D) with nonces of 96 bits and tags of 128, in place. For one thread at a time.
/// </summary>
internal abstract class GcmCipher : IDisposable
{
    /// <summary>Bytes of a nonce. None may be used twice under a key (section 8).</summary>
    public const int NonceLength = 12;

    /// <summary>Bytes of a tag.</summary>
    public const int TagLength = 16;

    /// <summary>The cipher by the fastest way that the processor has.</summary>
    /// <param name="key">16 or 32 bytes.</param>
    public static GcmCipher Create(ReadOnlySpan<byte> key)
    {
        Debug.Assert(key.Length is 16 or 32, "keys are cut to what the crypt takes before they come here");
        return X86AesInstructions.IsSupported && X86CarrylessInstructions.IsSupported
            ? new InterleavedGcmCipher<X86AesInstructions, X86CarrylessInstructions>(key)
            : new PlatformGcmCipher(key);
    }

    /// <summary>Encrypts and authenticates (section 7.1).</summary>
    /// <param name="nonce"><see cref="NonceLength"/> bytes.</param>
    /// <param name="associatedData">What the tag covers beside the text.</param>
    /// <param name="text">The plaintext, which becomes the ciphertext.</param>
    /// <param name="tag">Takes <see cref="TagLength"/> bytes.</param>
    public abstract void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, Span<byte> tag);

    /// <summary>Checks and decrypts (section 7.2). What comes from the network never throws.</summary>
    /// <param name="nonce"><see cref="NonceLength"/> bytes.</param>
    /// <param name="associatedData">What the tag covers beside the text.</param>
    /// <param name="text">The ciphertext, which becomes the plaintext, or zeros if it is refused.</param>
    /// <param name="tag"><see cref="TagLength"/> bytes.</param>
    /// <returns>Whether all of them are as they were sealed.</returns>
    public abstract bool TryOpen(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag);

    /// <summary>Forgets the key. Whatever else is called afterwards throws.</summary>
    public abstract void Dispose();
}
