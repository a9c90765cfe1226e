using Causeway.Quic.Protection;

namespace Causeway.Quic;

/// <summary>
/// What a load balancer reads from the connection ids of a server (QUIC-LB, draft-ietf-quic-load-balancers): to which server of its
/// pool a packet goes, whatever address it comes from. <see cref="ServerIdReader"/> is the other end.
/// </summary>
/// <remarks>
/// All servers of a pool, and its load balancers, have the same values except for <see cref="ServerId"/>. Two servers at once with the
/// same <see cref="ServerId"/> may make the same id.
/// </remarks>
public sealed record ConnectionIdRouting
{
    /// <summary>The largest <see cref="ConfigurationId"/>; 7 marks ids that say nothing (3.2).</summary>
    public const int MaxConfigurationId = 6;

    // Of server id and nonce together: a client sends first packets to ids of 8 bytes at least (RFC 9000, 7.2), of which one is
    // the first octet, and 20 at most.
    private const int LeastBlock = 7;
    private const int MostServerId = 15;
    private const int LeastNonce = 4;
    private const int OnePassBlock = 16;

    /// <summary>
    /// Which configuration of the pool this is, 0 to 6. Keys and lengths change with it, so that old and new ids live beside each
    /// other (3.1). Everybody can read it. Default 0.
    /// </summary>
    public int ConfigurationId { get; init; }

    /// <summary>This server's own id, of 1 to 15 bytes, as many for each server of the pool.</summary>
    public required ReadOnlyMemory<byte> ServerId { get; init; }

    /// <summary>
    /// Bytes of the part that tells the ids of one server apart, 4 to 18; with <see cref="ServerId"/> 7 to 19. With 4 a server has
    /// 4 thousand million ids, fewer by 256 times with several shards; when they are used up, ids say nothing any more. A server that
    /// is started again begins elsewhere, which is sure to be new only with many. Null, the default, for as many as make 16 with
    /// <see cref="ServerId"/>: one pass of AES hides 16, and the attacks on four passes (9.7) do not apply; a <see cref="ServerId"/> of
    /// more than 12 bytes needs a number.
    /// </summary>
    public int? NonceLength { get; init; }

    /// <summary>
    /// The secret of servers and load balancers, of 16 random bytes, that hides the server in the id. Without it observers can tell
    /// which connections have the same server, and follow a client that changes its address; that takes
    /// <see cref="UnsafeUnencrypted"/>.
    /// </summary>
    public ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>
    /// Whether ids show their server to everybody: for a pool whose load balancers cannot decrypt. Clients then get one id each and no
    /// spare ones (9), so that they cannot change to another network. <see cref="Key"/> must be empty. Default false.
    /// </summary>
    public bool UnsafeUnencrypted { get; init; }

    /// <summary>
    /// Whether the first byte tells how many others follow, for hardware that finds keys by the id (3.3). Default false: random bits.
    /// </summary>
    public bool EncodesLength { get; init; }

    /// <summary>Bytes of server id and nonce.</summary>
    internal int BlockLength => ServerId.Length + Nonce;

    /// <summary>Bytes of an id.</summary>
    internal int IdLength => 1 + BlockLength;

    /// <summary>The nonce's bytes.</summary>
    internal int Nonce => NonceLength ?? Math.Max(0, OnePassBlock - ServerId.Length);

    /// <summary>Fails if a value is out of its range, alone or together with others.</summary>
    /// <exception cref="ArgumentException">Names the option, its value and the range.</exception>
    public void Validate()
    {
        if (ConfigurationId is < 0 or > MaxConfigurationId)
        {
            throw new ArgumentOutOfRangeException(
                nameof(ConfigurationId), ConfigurationId, $"ConfigurationId must be from 0 to {MaxConfigurationId}.");
        }

        if (ServerId.Length is < 1 or > MostServerId)
        {
            throw new ArgumentException($"ServerId has {ServerId.Length} bytes; it must have 1 to {MostServerId}.", nameof(ServerId));
        }

        if (NonceLength is null && Nonce < LeastNonce)
        {
            throw new ArgumentException(
                $"NonceLength has no default for a ServerId of {ServerId.Length} bytes: set it to {LeastNonce} at least.",
                nameof(NonceLength));
        }

        if (Nonce < LeastNonce || BlockLength is < LeastBlock or > ConnectionIdCipher.MaxLength)
        {
            throw new ArgumentOutOfRangeException(
                nameof(NonceLength),
                NonceLength,
                $"NonceLength must be {LeastNonce} at least, and from {LeastBlock} to {ConnectionIdCipher.MaxLength} with the "
                + $"{ServerId.Length} bytes of ServerId.");
        }

        ValidateKey();
    }

    private void ValidateKey()
    {
        if (UnsafeUnencrypted)
        {
            if (!Key.IsEmpty)
            {
                throw new ArgumentException(
                    "Key is set, but UnsafeUnencrypted says that none is used: leave out one of them.", nameof(Key));
            }

            return;
        }

        if (Key.Length != ConnectionIdCipher.KeyLength)
        {
            throw new ArgumentException(
                $"Key has {Key.Length} bytes; it must have {ConnectionIdCipher.KeyLength}. Ids without one need UnsafeUnencrypted.",
                nameof(Key));
        }

        if (!Key.Span.ContainsAnyExcept((byte)0))
        {
            throw new ArgumentException("Key is all zeros: it was not filled.", nameof(Key));
        }
    }
}
