using System.Numerics;
using System.Security.Cryptography;
using Causeway.Protocol;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// The crypt <c>xor</c> (docs/wire/kcptun.md 3.6): every datagram is XORed with one table. It hides nothing from
/// anybody who looks twice; it exists because the reference has it.
/// </summary>
internal sealed class XorCipher : PacketCipher
{
    private const int TableLength = 1500;
    private const int Iterations = 32;

    private readonly byte[] _table = GC.AllocateArray<byte>(TableLength, pinned: true);

    public XorCipher(ReadOnlySpan<byte> key) =>
        Rfc2898DeriveBytes.Pbkdf2(key, "sH3CIVoF#rWLtJo6"u8, _table, Iterations, HashAlgorithmName.SHA1);

    public override int MaxLength => TableLength;

    // Whoever has seen two datagrams can change any byte of a third.
    public override int IdentityLength => 0;

    internal ReadOnlySpan<byte> Table => _table;

    public override void Encrypt(ReadOnlySpan<PacketBuffer> batch)
    {
        foreach (PacketBuffer datagram in batch)
        {
            XorInto(datagram.Payload, _table);
        }
    }

    public override void Decrypt(ReadOnlySpan<PacketBuffer> batch) => Encrypt(batch);

    public override void Dispose() => CryptographicOperations.ZeroMemory(_table);

    /// <summary>XORs the first bytes of <paramref name="mask"/> into <paramref name="bytes"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The mask is the shorter of the two.</exception>
    internal static void XorInto(Span<byte> bytes, ReadOnlySpan<byte> mask)
    {
        mask = mask[..bytes.Length];
        int i = 0;
        for (; i <= bytes.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            (new Vector<byte>(bytes[i..]) ^ new Vector<byte>(mask[i..])).CopyTo(bytes[i..]);
        }

        for (; i < bytes.Length; i++)
        {
            bytes[i] ^= mask[i];
        }
    }
}
