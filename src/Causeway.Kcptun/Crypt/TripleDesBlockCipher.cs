using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Parameters;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// Triple DES, encrypt-decrypt-encrypt under three keys (FIPS 46-3), from three DES engines: BouncyCastle's own
/// engine for it allocates an array for every block.
/// </summary>
internal sealed class TripleDesBlockCipher : BlockCipher
{
    private const int KeyPart = 8;

    private readonly DesEngine _first;
    private readonly DesEngine _second;
    private readonly DesEngine _third;
    private readonly byte[] _block = new byte[8];

    public TripleDesBlockCipher(ReadOnlySpan<byte> key)
    {
        _first = MakeEngine(forEncryption: true, key[..KeyPart]);
        _second = MakeEngine(forEncryption: false, key.Slice(KeyPart, KeyPart));
        _third = MakeEngine(forEncryption: true, key.Slice(2 * KeyPart, KeyPart));
    }

    public override int BlockSize => _block.Length;

    public override void EncryptBlock(Span<byte> block)
    {
        block[.._block.Length].CopyTo(_block);
        _first.ProcessBlock(_block, 0, _block, 0);
        _second.ProcessBlock(_block, 0, _block, 0);
        _third.ProcessBlock(_block, 0, _block, 0);
        _block.CopyTo(block);
    }

    public override void Dispose() => CryptographicOperations.ZeroMemory(_block);

    private static DesEngine MakeEngine(bool forEncryption, ReadOnlySpan<byte> key)
    {
        byte[] copy = key.ToArray();
        DesEngine engine = new();
        engine.Init(forEncryption, new KeyParameter(copy));
        CryptographicOperations.ZeroMemory(copy);
        return engine;
    }
}
