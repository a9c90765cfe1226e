using System.Security.Cryptography;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// The transcript hash (RFC 8446, 4.4.1). The hash is that of the cipher suite, which is unknown while the first
/// messages are written, so those are kept until <see cref="SelectHash"/>.
/// </summary>
internal sealed class Transcript : IDisposable
{
    private readonly List<byte[]> _early = [];
    private IncrementalHash? _hash;
    private HashAlgorithmName _name;

    /// <summary>Adds a whole message with its header.</summary>
    public void Add(ReadOnlySpan<byte> message)
    {
        if (_hash is null)
        {
            _early.Add(message.ToArray());
        }
        else
        {
            _hash.AppendData(message);
        }
    }

    /// <summary>Names the hash, after which messages are no longer kept. Naming it again has no effect.</summary>
    public void SelectHash(HashAlgorithmName name)
    {
        if (_hash is not null)
        {
            return;
        }

        _name = name;
        _hash = IncrementalHash.CreateHash(name);
        foreach (byte[] message in _early)
        {
            _hash.AppendData(message);
        }

        _early.Clear();
    }

    /// <summary>
    /// Replaces the first ClientHello by its hash, which a HelloRetryRequest causes (RFC 8446, 4.4.1).
    /// </summary>
    public void ReplaceByMessageHash()
    {
        int length = CipherSuites.HashLength(_name);
        Span<byte> message = stackalloc byte[4 + CipherSuites.MaxHashLength];
        message[..4].Clear();
        message[0] = (byte)HandshakeType.MessageHash;
        message[3] = (byte)length;
        _hash!.GetHashAndReset(message[4..]);
        _hash.AppendData(message[..(4 + length)]);
    }

    /// <summary>The hash of all messages so far.</summary>
    /// <returns>How many bytes of <paramref name="destination"/> it takes.</returns>
    public int Current(Span<byte> destination) => _hash!.GetCurrentHash(destination);

    /// <summary>
    /// The hash of all messages so far and of a ClientHello without its binders (RFC 8446, 4.2.11.2), by the hash of a
    /// PSK.
    /// </summary>
    /// <returns>How many bytes of <paramref name="destination"/> it takes.</returns>
    public int CurrentWith(HashAlgorithmName name, ReadOnlySpan<byte> truncated, Span<byte> destination)
    {
        using IncrementalHash hash = _hash is null ? IncrementalHash.CreateHash(name) : _hash.Clone();
        foreach (byte[] message in _early)
        {
            hash.AppendData(message);
        }

        hash.AppendData(truncated);
        return hash.GetHashAndReset(destination);
    }

    public void Dispose()
    {
        _early.Clear();
        _hash?.Dispose();
    }
}
