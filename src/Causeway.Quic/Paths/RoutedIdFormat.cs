using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Paths;

/// <summary>
/// The layout of connection ids that name their server (draft-ietf-quic-load-balancers, 3.4 and 5.2): a first octet, and a block of
/// server id and nonce, encrypted if there is a key. For one thread at a time.
/// </summary>
internal sealed class RoutedIdFormat : IDisposable
{
    /// <summary>Bytes of the longest block.</summary>
    public const int MaxBlock = ConnectionIdCipher.MaxLength;

    /// <summary>The configuration of ids that name no server (3.2).</summary>
    public const int Unroutable = 7;

    private const int ConfigurationShift = 5;
    private const byte LowBits = 0x1f;

    private readonly ConnectionIdCipher? _cipher;
    private readonly int _configuration;
    private readonly bool _encodesLength;

    /// <param name="routing">Valid values; the key is copied.</param>
    public RoutedIdFormat(ConnectionIdRouting routing)
    {
        _configuration = routing.ConfigurationId;
        _encodesLength = routing.EncodesLength;
        ServerIdLength = routing.ServerId.Length;
        BlockLength = routing.BlockLength;
        _cipher = routing.Key.IsEmpty ? null : new ConnectionIdCipher(routing.Key.Span, BlockLength);
    }

    /// <summary>Bytes of a server id.</summary>
    public int ServerIdLength { get; }

    /// <summary>Bytes of server id and nonce.</summary>
    public int BlockLength { get; }

    /// <summary>Bytes of a connection id.</summary>
    public int IdLength => 1 + BlockLength;

    /// <summary>The configuration that an id says it is of.</summary>
    public static int ConfigurationOf(ReadOnlySpan<byte> id) => id[0] >> ConfigurationShift;

    /// <summary>The first octet of an id.</summary>
    /// <param name="configuration">0 to 7.</param>
    /// <param name="bits">The length, or random bits, of which five are used.</param>
    public static byte FirstOctet(int configuration, int bits) => (byte)((configuration << ConfigurationShift) | (bits & LowBits));

    /// <summary>Whether an id that tells its length tells the right one (4.1); true if ids tell none.</summary>
    /// <param name="id">The id, or more.</param>
    /// <param name="isWhole">Whether it has no more bytes than the id.</param>
    public bool HasLength(ReadOnlySpan<byte> id, bool isWhole)
    {
        int told = id[0] & LowBits;
        return !_encodesLength || (isWhole ? told == id.Length - 1 : told >= BlockLength);
    }

    /// <summary>Makes an id.</summary>
    /// <param name="block">Server id and nonce. It is encrypted in place.</param>
    /// <param name="randomBits">The first octet's last five bits, unless they tell the length.</param>
    public ConnectionId Make(Span<byte> block, int randomBits)
    {
        Span<byte> id = stackalloc byte[ConnectionId.MaxLength];
        id = id[..IdLength];
        _cipher?.Encrypt(block);
        id[0] = FirstOctet(_configuration, _encodesLength ? BlockLength : randomBits);
        block.CopyTo(id[1..]);
        return new ConnectionId(id);
    }

    /// <summary>Reads server id and nonce of an id, which must be of this configuration and long enough.</summary>
    public void Read(ReadOnlySpan<byte> id, Span<byte> block)
    {
        id.Slice(1, BlockLength).CopyTo(block);
        _cipher?.Decrypt(block);
    }

    /// <summary>Whether an id is of this configuration and has its length.</summary>
    public bool IsOfThis(ReadOnlySpan<byte> id) => id.Length == IdLength && ConfigurationOf(id) == _configuration;

    /// <summary>Forgets the key. Whatever else is called afterwards throws, if there was one.</summary>
    public void Dispose() => _cipher?.Dispose();
}
