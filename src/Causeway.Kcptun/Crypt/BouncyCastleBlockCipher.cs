using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;

namespace Causeway.Kcptun.Crypt;

/// <summary>A block cipher of BouncyCastle. Its key schedule is the engine's own and dies with it, unzeroed.</summary>
internal sealed class BouncyCastleBlockCipher : BlockCipher
{
    private readonly IBlockCipher _engine;
    private readonly byte[] _block;

    public BouncyCastleBlockCipher(IBlockCipher engine, ReadOnlySpan<byte> key, bool forEncryption = true)
    {
        byte[] copy = key.ToArray();
        engine.Init(forEncryption, new KeyParameter(copy));
        CryptographicOperations.ZeroMemory(copy);
        _engine = engine;
        _block = new byte[engine.GetBlockSize()];
    }

    public override int BlockSize => _block.Length;

    public override void EncryptBlock(Span<byte> block)
    {
        block[.._block.Length].CopyTo(_block);
        _engine.ProcessBlock(_block, 0, _block, 0);
        _block.CopyTo(block);
    }

    public override void Dispose() => CryptographicOperations.ZeroMemory(_block);
}
