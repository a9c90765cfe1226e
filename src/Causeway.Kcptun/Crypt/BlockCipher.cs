namespace Causeway.Kcptun.Crypt;

/// <summary>The encrypt direction of a block cipher under one key: all that CFB needs, for both directions.</summary>
internal abstract class BlockCipher : IDisposable
{
    /// <summary>8 or 16 bytes.</summary>
    public abstract int BlockSize { get; }

    /// <summary>Encrypts the first <see cref="BlockSize"/> bytes in place. Allocates nothing.</summary>
    public abstract void EncryptBlock(Span<byte> block);

    /// <summary>Zeroes what key material it can reach.</summary>
    public abstract void Dispose();
}
