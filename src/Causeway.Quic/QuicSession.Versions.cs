using Causeway.Quic.Handshake;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>
/// What may change before the handshake gets under way: the version (RFC 9000, 6; RFC 9368; RFC 9369, 4), and by Retry the server's
/// connection id (RFC 9000, 17.2.5).
/// </content>
internal sealed partial class QuicSession
{
    // The version of the client's first packet, and the one in use.
    private QuicVersion _originalVersion;
    private QuicVersion _version;

    // At a server that chose another version than the client's first: opens what the client sent before it knew.
    private PacketOpener? _originalOpener;

    // At a client: this attempt follows a Version Negotiation packet.
    private bool _reactsToNegotiation;

    private ReadOnlyMemory<byte> _token;
    private ConnectionId? _retryId;

    /// <summary>The version of the client's first packet.</summary>
    internal QuicVersion OriginalVersion => _originalVersion;

    private bool AreVersionsRight()
    {
        VersionInformation information = _peerParameters.VersionInformation;
        return Role == EndpointRole.Server
            ? VersionSelection.IsClientRight(_originalVersion, in information)
            : VersionSelection.IsServerRight(
                [.. _settings.Versions], _originalVersion, _version, _reactsToNegotiation, in information);
    }

    /// <summary>A server that prefers another version which the client speaks goes on with it (RFC 9368, 2.3).</summary>
    private void ChooseVersion()
    {
        VersionInformation information = _peerParameters.VersionInformation;
        QuicVersion chosen = VersionSelection.SelectCompatible([.. _settings.Versions], _originalVersion, in information);
        if (chosen != _version)
        {
            _version = chosen;
            _originalOpener = _openers[(int)EncryptionLevel.Initial];
            _openers[(int)EncryptionLevel.Initial] = null;
            InstallInitialKeys(_clientFirstId);
        }

        _handshake!.LocalTransportParameters = EncodeTransportParameters();
    }

    // RFC 9369, 5: a client resumes in the version that the ticket was given out in. A server that chooses another one takes it all
    // the same; from then on its own tickets are of the version that it chose.
    private void SetTicketVersion() => _handshake!.SessionContext = BitConverter.GetBytes((uint)_version);

    /// <summary>What opens an Initial packet of a version other than the one in use; null if it is to be dropped.</summary>
    private PacketOpener? OpenerOfOtherVersion(in PacketHeader header)
    {
        if (header.Type != PacketType.Initial)
        {
            return null;
        }

        if (Role == EndpointRole.Server)
        {
            return header.Version == _originalVersion ? _originalOpener : null;
        }

        // A server answers in another version that the client offered, perhaps after it acknowledged something in the original one
        // (RFC 9369, 4.1). Whether it is the server shows when the packet is opened: until then nothing changes.
        if (_recovery.HasHandshakeKeys || _version != _originalVersion || !_settings.Versions.Contains(header.Version))
        {
            return null;
        }

        InitialKeys.Create(
            header.Version, _retryId ?? _originalDestinationId, Role, _forgeries, out PacketSealer sealer, out PacketOpener opener);
        sealer.Dispose();
        return opener;
    }

    /// <summary>A client goes on with the version of a packet that it could open.</summary>
    private void FollowVersion(QuicVersion version)
    {
        _version = version;
        _sealers[(int)EncryptionLevel.Initial]?.FlushHeaders();
        InstallInitialKeys(_retryId ?? _originalDestinationId);
        SetTicketVersion();
    }

    // RFC 9369, 4.1: a client that uses the negotiated version sends no more in the original one.
    private void ForgetOriginalVersion()
    {
        _originalOpener?.Dispose();
        _originalOpener = null;
    }

    private void OnVersionNegotiation(in PacketHeader header, Timestamp now)
    {
        // RFC 9000, 6.2: only before anything else came, only in answer to this end's packet, and only if it does not list what was
        // chosen. One that comes after another is an attempt to lead the client to and fro.
        if (Role == EndpointRole.Server || _hasHeard || _retryId is not null || _reactsToNegotiation
            || !SourceId.Equals(header.DestinationId) || !_originalDestinationId.Equals(header.SourceId)
            || VersionNegotiationPacket.Contains(header.Token, _version))
        {
            Statistics.PacketsDropped++;
            return;
        }

        QuicVersion version = VersionSelection.SelectFrom([.. _settings.Versions], header.Token);
        if (version == QuicVersion.Negotiation)
        {
            FailSilently(
                new TransportFailure(TransportFailureKind.Protocol, "The server speaks none of this end's versions of QUIC.")
                {
                    ErrorCode = (long)TransportErrorCode.VersionNegotiationError,
                });
            return;
        }

        BeginAgain(version, now);
    }

    /// <summary>A client begins its attempt again in another version, with another handshake (RFC 9368, 2.1).</summary>
    private void BeginAgain(QuicVersion version, Timestamp now)
    {
        Statistics.VersionsNegotiated++;
        _reactsToNegotiation = true;
        _version = version;
        _originalVersion = version;
        _originalDestinationId = ConnectionId.CreateRandom(_originalDestinationId.Length, _settings.Random);
        _remoteIds.SetFirst(_originalDestinationId);
        InstallInitialKeys(_originalDestinationId);
        _recovery.ForgetAll(PacketSpaceId.Initial);
        ForgetEarlyData();
        _crypto[(int)EncryptionLevel.Initial].Clear(_cryptoSlices);
        _crypto[(int)EncryptionLevel.Initial] = new Streams.CryptoStream();
        _handshake!.Dispose();
        _hello = [];
        _helloRepeated = 0;
        _handshake = _settings.Handshake(Role);
        _handshake.LocalTransportParameters = EncodeTransportParameters();
        SetTicketVersion();
        _handshake.Start(now);
        DriveHandshake(now);
    }

    private void OnRetry(in PacketHeader header, ReadOnlySpan<byte> packet, Timestamp now)
    {
        // RFC 9000, 17.2.5.2: one, before anything else, and intact.
        if (Role == EndpointRole.Server || _hasHeard || _retryId is not null || header.Version != _version
            || !SourceId.Equals(header.DestinationId)
            || _originalDestinationId.Equals(header.SourceId)
            || !RetryPacket.IsIntact(packet, _version, _originalDestinationId))
        {
            Statistics.PacketsDropped++;
            return;
        }

        _retryId = new ConnectionId(header.SourceId);
        _token = header.Token.ToArray();
        _remoteIds.SetFirst(_retryId.Value);
        InstallInitialKeys(_retryId.Value);
        _recovery.ForgetAll(PacketSpaceId.Initial);
        _crypto[(int)EncryptionLevel.Initial].OnAllLost();

        // The server dropped early data that came with the first packet (RFC 9000, 17.2.5.2).
        _recovery.ForgetAll(PacketSpaceId.Application);
        Statistics.Retries++;
        _recovery.NoteAntiDeadlock(now);
    }
}
