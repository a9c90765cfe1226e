using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Paths;

/// <summary>Makes the connection ids of an endpoint. For one thread at a time.</summary>
internal abstract class ConnectionIdSource : IDisposable
{
    /// <summary>There is no such socket, or the id is not one of this listener's.</summary>
    public const int NoShard = -1;

    /// <summary>The source that the settings want.</summary>
    public static ConnectionIdSource Create(QuicSettings settings)
    {
        ShardMark? mark = settings.Port is { } port ? new ShardMark(port.MarkKey) : null;
        return settings.Routing is { } routing
            ? new RoutedIdSource(routing, NewNonces(routing, mark, settings.Random), mark, settings.Shard, settings.Random)
            : new RandomIdSource(settings.IdLength, mark, settings.Shard, settings.Random);
    }

    /// <summary>Whether a peer may have ids for later (RFC 9000, 5.1.1) beside the one in use.</summary>
    public virtual bool MakesSpareIds => true;

    /// <summary>An id that nobody had.</summary>
    public abstract ConnectionId Next();

    /// <summary>Which socket's endpoint made an id; <see cref="NoShard"/>, or any number, if none of this listener did.</summary>
    public abstract int ShardOf(ReadOnlySpan<byte> id);

    /// <summary>Forgets the keys.</summary>
    public abstract void Dispose();

    private static NonceSequence NewNonces(ConnectionIdRouting routing, ShardMark? mark, RandomBytes random) =>
        new(routing.Nonce - (mark is null ? 0 : ShardMark.Length), random);
}

/// <summary>Random ids, whose last byte hides the index of the socket if a listener has several.</summary>
internal sealed class RandomIdSource(int length, ShardMark? mark, int shard, RandomBytes random) : ConnectionIdSource
{
    public override ConnectionId Next()
    {
        if (mark is null)
        {
            return ConnectionId.CreateRandom(length, random);
        }

        Span<byte> id = stackalloc byte[ConnectionId.MaxLength];
        id = id[..length];
        random(id);
        mark.Write(id, shard);
        return new ConnectionId(id);
    }

    public override int ShardOf(ReadOnlySpan<byte> id) => mark is null || id.Length != length ? NoShard : mark.Read(id);

    public override void Dispose() => mark?.Dispose();
}

/// <summary>Ids that name their server to a load balancer, and in the last byte of the nonce the socket to the server itself.</summary>
internal sealed class RoutedIdSource : ConnectionIdSource
{
    private readonly RoutedIdFormat _format;
    private readonly NonceSequence _nonces;
    private readonly ShardMark? _mark;
    private readonly RandomBytes _random;
    private readonly byte[] _serverId;
    private readonly bool _isEncrypted;
    private readonly int _shard;
    private readonly int _counted;

    /// <param name="routing">The format.</param>
    /// <param name="nonces">Of the nonce what the mark leaves.</param>
    /// <param name="mark">Hides the index of the socket; null if there is one.</param>
    /// <param name="shard">That index.</param>
    /// <param name="random">For bits that mean nothing.</param>
    public RoutedIdSource(ConnectionIdRouting routing, NonceSequence nonces, ShardMark? mark, int shard, RandomBytes random)
    {
        _format = new RoutedIdFormat(routing);
        _counted = routing.Nonce - (mark is null ? 0 : ShardMark.Length);
        _nonces = nonces;
        _mark = mark;
        _shard = shard;
        _random = random;
        _serverId = routing.ServerId.ToArray();
        _isEncrypted = !routing.Key.IsEmpty;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Spare ids promise that a move cannot be followed, which those without a key do not keep (draft-ietf-quic-load-balancers, 9); nor
    /// are there to be any that lead nowhere (3.2).
    /// </remarks>
    public override bool MakesSpareIds => _isEncrypted && _nonces.HasNext;

    public override ConnectionId Next()
    {
        Span<byte> block = stackalloc byte[RoutedIdFormat.MaxBlock];
        block = block[.._format.BlockLength];
        Span<byte> nonce = block[_serverId.Length..];
        if (!_nonces.TryWrite(nonce[.._counted]))
        {
            return NextUnroutable();
        }

        _serverId.CopyTo(block);
        _mark?.Write(nonce, _shard);
        Span<byte> bits = stackalloc byte[1];
        _random(bits);
        return _format.Make(block, bits[0]);
    }

    public override int ShardOf(ReadOnlySpan<byte> id)
    {
        if (_mark is null || id.Length != _format.IdLength)
        {
            return NoShard;
        }

        if (RoutedIdFormat.ConfigurationOf(id) == RoutedIdFormat.Unroutable)
        {
            return _mark.Read(id[1..]);
        }

        if (!_format.IsOfThis(id))
        {
            return NoShard;
        }

        Span<byte> block = stackalloc byte[RoutedIdFormat.MaxBlock];
        block = block[.._format.BlockLength];
        _format.Read(id, block);
        return block.StartsWith(_serverId) ? _mark.Read(block[_serverId.Length..]) : NoShard;
    }

    public override void Dispose()
    {
        _format.Dispose();
        _nonces.Dispose();
        _mark?.Dispose();
    }

    // Sections 9.6 and 3.2: a nonce must not be used twice, and such ids tell their length.
    private ConnectionId NextUnroutable()
    {
        Span<byte> id = stackalloc byte[ConnectionId.MaxLength];
        id = id[.._format.IdLength];
        _random(id);
        id[0] = RoutedIdFormat.FirstOctet(RoutedIdFormat.Unroutable, _format.BlockLength);
        _mark?.Write(id[1..], _shard);
        return new ConnectionId(id);
    }
}
