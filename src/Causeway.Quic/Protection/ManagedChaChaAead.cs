using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;
using BouncyChaCha20Poly1305 = Org.BouncyCastle.Crypto.Modes.ChaCha20Poly1305;

namespace Causeway.Quic.Protection;

/// <summary>
/// AEAD_CHACHA20_POLY1305 (RFC 8439) by BouncyCastle, for systems that have none. Unlike the others it allocates for
/// each packet.
/// </summary>
internal sealed class ManagedChaChaAead : PacketAead
{
    private readonly BouncyChaCha20Poly1305 _cipher = new();
    private readonly byte[] _key;
    private readonly byte[] _nonce = new byte[NonceLength];
    private byte[] _output = new byte[1500 + TagLength];

    /// <param name="key">32 bytes.</param>
    public ManagedChaChaAead(ReadOnlySpan<byte> key) => _key = key.ToArray();

    public override void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, Span<byte> tag)
    {
        Start(forEncryption: true, nonce, associatedData, text.Length + TagLength);
        int length = _cipher.ProcessBytes(text, _output);
        length += _cipher.DoFinal(_output.AsSpan(length));
        _output.AsSpan(0, text.Length).CopyTo(text);
        _output.AsSpan(length - TagLength, TagLength).CopyTo(tag);
    }

    public override bool TryOpen(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        Start(forEncryption: false, nonce, associatedData, text.Length + TagLength);
        try
        {
            int length = _cipher.ProcessBytes(text, _output);
            length += _cipher.ProcessBytes(tag, _output.AsSpan(length));
            _cipher.DoFinal(_output.AsSpan(length));
            _output.AsSpan(0, text.Length).CopyTo(text);
            return true;
        }
        catch (InvalidCipherTextException)
        {
            CryptographicOperations.ZeroMemory(text);
            return false;
        }
    }

    public override void Dispose()
    {
        CryptographicOperations.ZeroMemory(_key);
        CryptographicOperations.ZeroMemory(_output);
    }

    private void Start(bool forEncryption, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, int length)
    {
        if (_output.Length < length)
        {
            _output = new byte[length];
        }

        nonce.CopyTo(_nonce);
        _cipher.Init(forEncryption, new ParametersWithIV(new KeyParameter(_key), _nonce));
        _cipher.ProcessAadBytes(associatedData);
    }
}
