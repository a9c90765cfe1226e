using Causeway.Quic.Paths;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <summary>
/// Reads from a QUIC packet which server it is for: what a load balancer does with ids of <see cref="ConnectionIdRouting"/>
/// (draft-ietf-quic-load-balancers, 5.5). For one thread at a time.
/// </summary>
public sealed class ServerIdReader : IDisposable
{
    private readonly RoutedIdFormat?[] _formats = new RoutedIdFormat?[ConnectionIdRouting.MaxConfigurationId + 1];
    private bool _disposed;

    /// <summary>Takes the configurations that servers use now, or used for connections that are still open.</summary>
    /// <param name="configurations">
    /// One of each <see cref="ConnectionIdRouting.ConfigurationId"/>, those of any server: of
    /// <see cref="ConnectionIdRouting.ServerId"/> only the length counts. Keys are copied.
    /// </param>
    /// <exception cref="ArgumentException">A value is out of its range, or two have the same id.</exception>
    public ServerIdReader(params IReadOnlyList<ConnectionIdRouting> configurations)
    {
        ArgumentNullException.ThrowIfNull(configurations);
        ArgumentOutOfRangeException.ThrowIfZero(configurations.Count, nameof(configurations));
        foreach (ConnectionIdRouting configuration in configurations)
        {
            configuration.Validate();
        }

        foreach (ConnectionIdRouting configuration in configurations)
        {
            int id = configuration.ConfigurationId;
            if (_formats[id] is not null)
            {
                Dispose();
                throw new ArgumentException($"Two configurations have the ConfigurationId {id}.", nameof(configurations));
            }

            _formats[id] = new RoutedIdFormat(configuration);
        }
    }

    /// <summary>Reads the server id from a client's datagram.</summary>
    /// <param name="datagram">The UDP payload. Any bytes are allowed.</param>
    /// <param name="serverId">Where the server id goes; room for 15 bytes is enough.</param>
    /// <param name="length">Bytes of the server id; 0 if there is none.</param>
    /// <returns>
    /// False if the id cannot be one of a server's (4.1). A client chooses the id of its first packets at random, which may look
    /// like a server's: if no server has the id that was read, or this says false, a packet goes where its addresses say (4.3).
    /// </returns>
    /// <exception cref="ArgumentException"><paramref name="serverId"/> is too short for what is to be read.</exception>
    public bool TryRead(ReadOnlySpan<byte> datagram, Span<byte> serverId, out int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        length = 0;

        // A short header's id has no length on the wire: the rest of the packet may belong to it.
        if (!InvariantHeader.TryRead(datagram, Math.Clamp(datagram.Length - 1, 0, ConnectionId.MaxLength), out InvariantHeader header)
            || header.DestinationId.IsEmpty)
        {
            return false;
        }

        ReadOnlySpan<byte> id = header.DestinationId;
        int configuration = RoutedIdFormat.ConfigurationOf(id);
        if (configuration > ConnectionIdRouting.MaxConfigurationId
            || _formats[configuration] is not { } format
            || id.Length < format.IdLength
            || !format.HasLength(id, header.IsLong))
        {
            return false;
        }

        Span<byte> block = stackalloc byte[RoutedIdFormat.MaxBlock];
        block = block[..format.BlockLength];
        format.Read(id, block);
        length = format.ServerIdLength;
        if (serverId.Length < length)
        {
            throw new ArgumentException($"serverId has {serverId.Length} bytes, but server ids have {length}.", nameof(serverId));
        }

        block[..length].CopyTo(serverId);
        return true;
    }

    /// <summary>Forgets the keys.</summary>
    public void Dispose()
    {
        _disposed = true;
        foreach (RoutedIdFormat? format in _formats)
        {
            format?.Dispose();
        }
    }
}
