using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// Seals the state of a session into a ticket that only servers with the same secret can open (RFC 8446, 4.6.1; RFC
/// 5077, 4). The key changes with wall time, so servers that share a secret rotate together without a word between
/// them.
/// </summary>
/// <remarks>
/// Ticket: 4 bytes that name the secret, 4 of the epoch, 16 of salt, the sealed state, 16 of tag. Every ticket has a
/// key of its own, HKDF-Expand(secret, "causeway ticket" || epoch || salt), so that no number of tickets wears a key
/// out. Thread-safe: nothing changes after construction.
/// </remarks>
internal sealed class TicketSealer
{
    /// <summary>Bytes of the least secret.</summary>
    public const int MinSecretLength = 32;

    private const int NameLength = 4;
    private const int EpochLength = 4;
    private const int SaltLength = 16;
    private const int HeaderLength = NameLength + EpochLength + SaltLength;
    private const int KeyLength = 32;
    private const int NonceLength = 12;
    private const int TagLength = 16;

    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);

    private readonly (byte[] Name, byte[] Secret)[] _secrets;
    private readonly long _periodMilliseconds;
    private readonly int _periodsKept;

    /// <param name="secrets">The first seals; all of them open, so that a secret can be replaced without loss.</param>
    /// <param name="period">How long a key seals. A day is usual.</param>
    /// <param name="lifetime">How long tickets may be opened.</param>
    public TicketSealer(IReadOnlyList<ReadOnlyMemory<byte>> secrets, TimeSpan period, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(secrets);
        ArgumentOutOfRangeException.ThrowIfZero(secrets.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(period, TimeSpan.FromMinutes(1));
        _secrets = new (byte[] Name, byte[] Secret)[secrets.Count];
        for (int index = 0; index < secrets.Count; index++)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(secrets[index].Length, MinSecretLength, nameof(secrets));
            byte[] name = new byte[NameLength];
            byte[] secret = new byte[SHA256.HashSizeInBytes];
            HKDF.Extract(HashAlgorithmName.SHA256, secrets[index].Span, "causeway ticket secret"u8, secret);
            HKDF.Expand(HashAlgorithmName.SHA256, secret, name, "causeway ticket name"u8);
            _secrets[index] = (name, secret);
        }

        _periodMilliseconds = (long)period.TotalMilliseconds;
        _periodsKept = (int)Math.Ceiling(lifetime / period);
    }

    /// <summary>A sealer with one secret; tickets are good for a day.</summary>
    public static TicketSealer Create(ReadOnlyMemory<byte> secret) => new([secret], s_day, s_day);

    /// <summary>A sealer with one random secret, for a server that shares its tickets with nobody.</summary>
    public static TicketSealer Create(RandomBytes random, TimeSpan? lifetime = null)
    {
        ArgumentNullException.ThrowIfNull(random);
        byte[] secret = new byte[MinSecretLength];
        random(secret);
        TicketSealer sealer = new([secret], s_day, lifetime ?? s_day);
        CryptographicOperations.ZeroMemory(secret);
        return sealer;
    }

    public byte[] Seal(ReadOnlySpan<byte> state, long unixMilliseconds, RandomBytes random)
    {
        byte[] ticket = new byte[HeaderLength + state.Length + TagLength];
        Span<byte> header = ticket.AsSpan(0, HeaderLength);
        _secrets[0].Name.CopyTo(header);
        BinaryPrimitives.WriteUInt32BigEndian(header[NameLength..], EpochAt(unixMilliseconds));
        random(header[(NameLength + EpochLength)..]);
        Span<byte> material = stackalloc byte[KeyLength + NonceLength];
        DeriveKey(_secrets[0].Secret, header, material);
        using AesGcm aead = new(material[..KeyLength], TagLength);
        aead.Encrypt(
            material[KeyLength..],
            state,
            ticket.AsSpan(HeaderLength, state.Length),
            ticket.AsSpan(HeaderLength + state.Length),
            header);
        CryptographicOperations.ZeroMemory(material);
        return ticket;
    }

    /// <summary>Opens a ticket that a client brings, which may be anything.</summary>
    /// <returns>Null if it is not a ticket of ours, or too old.</returns>
    public byte[]? TryOpen(ReadOnlySpan<byte> ticket, long unixMilliseconds)
    {
        if (ticket.Length < HeaderLength + TagLength)
        {
            return null;
        }

        ReadOnlySpan<byte> header = ticket[..HeaderLength];
        uint epoch = BinaryPrimitives.ReadUInt32BigEndian(header[NameLength..]);

        // A server whose clock is ahead may have sealed in the next epoch.
        long age = (long)EpochAt(unixMilliseconds) - epoch;
        if (age < -1 || age > _periodsKept)
        {
            return null;
        }

        Span<byte> material = stackalloc byte[KeyLength + NonceLength];
        foreach ((byte[] name, byte[] secret) in _secrets)
        {
            if (!header[..NameLength].SequenceEqual(name))
            {
                continue;
            }

            DeriveKey(secret, header, material);
            byte[] state = new byte[ticket.Length - HeaderLength - TagLength];
            try
            {
                using AesGcm aead = new(material[..KeyLength], TagLength);
                aead.Decrypt(
                    material[KeyLength..], ticket[HeaderLength..^TagLength], ticket[^TagLength..], state, header);
                return state;
            }
            catch (AuthenticationTagMismatchException)
            {
                return null;
            }
            finally
            {
                CryptographicOperations.ZeroMemory(material);
            }
        }

        return null;
    }

    private static void DeriveKey(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> header, Span<byte> material)
    {
        ReadOnlySpan<byte> label = "causeway ticket"u8;
        Span<byte> info = stackalloc byte[label.Length + EpochLength + SaltLength];
        label.CopyTo(info);
        header[NameLength..].CopyTo(info[label.Length..]);
        HKDF.Expand(HashAlgorithmName.SHA256, secret, material, info);
    }

    private uint EpochAt(long unixMilliseconds) => (uint)(Math.Max(unixMilliseconds, 0) / _periodMilliseconds);
}
