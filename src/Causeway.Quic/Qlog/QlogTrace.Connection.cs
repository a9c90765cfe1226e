using System.Text;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Qlog;

/// <content>The connection as a whole: its ends, versions, parameters and keys.</content>
internal sealed partial class QlogTrace
{
    private int _peerAckDelayExponent = TransportParameters.DefaultAckDelayExponent;
    private long _generation;
    private bool _hasLocalParameters;

    /// <summary>The connection begins.</summary>
    public void ConnectionStarted(DatagramPath path, in ConnectionId ownId, in ConnectionId peerId, Timestamp now)
    {
        if (!Begin("connectivity:connection_started"u8, now))
        {
            return;
        }

        if (!path.Remote.IsNone)
        {
            _json.WriteString("ip_version"u8, path.Remote.IsIPv6 ? "v6"u8 : "v4"u8);
        }

        // The schema wants both addresses. A client's engine knows neither: its link is connected.
        WriteAddress("src_ip"u8, "src_port"u8, path.Local);
        WriteAddress("dst_ip"u8, "dst_port"u8, path.Remote);
        _json.WriteString("protocol"u8, "QUIC"u8);
        _json.WriteString("src_cid"u8, ownId.ToString());
        _json.WriteString("dst_cid"u8, peerId.ToString());
        End();
    }

    /// <summary>This end closes, or gives up.</summary>
    /// <param name="code">The code that the peer is told; null if it is told nothing.</param>
    /// <param name="isOfApplication">Whether the code is the application's.</param>
    /// <param name="reason">Why, in words.</param>
    /// <param name="trigger">Why, by the schema's word.</param>
    /// <param name="isByPeer">Whether the peer did it.</param>
    /// <param name="now">The time.</param>
    public void ConnectionClosed(long? code, bool isOfApplication, string reason, ReadOnlySpan<byte> trigger, bool isByPeer, Timestamp now)
    {
        if (_isClosed || !Begin("connectivity:connection_closed"u8, now))
        {
            return;
        }

        // What follows is little, and nobody knows whether the process goes on for long.
        _isClosed = true;
        _json.WriteString("owner"u8, isByPeer ? "remote"u8 : "local"u8);
        if (code is { } value)
        {
            WriteErrorCode(isOfApplication ? "application_code"u8 : "connection_code"u8, value, isOfApplication);
        }

        _json.WriteString("reason"u8, reason);
        _json.WriteString("trigger"u8, trigger);
        End();
    }

    /// <summary>The peer closed.</summary>
    public void ClosedByPeer(ConnectionCloseFrame close, Timestamp now)
    {
        bool isClean = close.ErrorCode == 0;
        ConnectionClosed(
            close.ErrorCode,
            close.IsByApplication,
            TextOf(close.Reason),
            isClean ? "clean"u8 : close.IsByApplication ? "application"u8 : "error"u8,
            isByPeer: true,
            now);
    }

    /// <summary>The version that is spoken was chosen.</summary>
    public void VersionChosen(IReadOnlyList<QuicVersion> own, QuicVersion chosen, Timestamp now)
    {
        if (!Begin("transport:version_information"u8, now))
        {
            return;
        }

        _json.WriteStartArray(_role == EndpointRole.Client ? "client_versions"u8 : "server_versions"u8);
        foreach (QuicVersion version in own)
        {
            _json.WriteStringValue($"{(uint)version:x8}");
        }

        _json.WriteEndArray();
        _json.WriteString("chosen_version"u8, $"{(uint)chosen:x8}");
        End();
    }

    /// <summary>The handshake is complete.</summary>
    public void HandshakeCompleted(ReadOnlySpan<byte> applicationProtocol, string suite, Timestamp now)
    {
        if (Begin("transport:alpn_information"u8, now))
        {
            _json.WriteString("chosen_alpn"u8, Encoding.UTF8.GetString(applicationProtocol));
            End();
        }

        if (Begin("transport:parameters_set"u8, now))
        {
            _json.WriteString("tls_cipher"u8, suite);
            End();
        }
    }

    /// <summary>One end's transport parameters are known. This end's are logged once.</summary>
    public void ParametersSet(TransportParameters parameters, bool isLocal, Timestamp now)
    {
        if ((isLocal && _hasLocalParameters) || !Begin("transport:parameters_set"u8, now))
        {
            return;
        }

        _hasLocalParameters |= isLocal;
        _peerAckDelayExponent = isLocal ? _peerAckDelayExponent : parameters.AckDelayExponent;
        _json.WriteString("owner"u8, isLocal ? "local"u8 : "remote"u8);
        WriteId("original_destination_connection_id"u8, parameters.OriginalDestinationConnectionId);
        WriteId("initial_source_connection_id"u8, parameters.InitialSourceConnectionId);
        WriteId("retry_source_connection_id"u8, parameters.RetrySourceConnectionId);
        _json.WriteBoolean("disable_active_migration"u8, parameters.DisableActiveMigration);
        _json.WriteNumber("max_idle_timeout"u8, parameters.MaxIdleTimeout);
        _json.WriteNumber("max_udp_payload_size"u8, parameters.MaxUdpPayloadSize);
        _json.WriteNumber("ack_delay_exponent"u8, parameters.AckDelayExponent);
        _json.WriteNumber("max_ack_delay"u8, parameters.MaxAckDelay);
        _json.WriteNumber("active_connection_id_limit"u8, parameters.ActiveConnectionIdLimit);
        _json.WriteNumber("initial_max_data"u8, parameters.InitialMaxData);
        _json.WriteNumber("initial_max_stream_data_bidi_local"u8, parameters.InitialMaxStreamDataBidirectionalLocal);
        _json.WriteNumber("initial_max_stream_data_bidi_remote"u8, parameters.InitialMaxStreamDataBidirectionalRemote);
        _json.WriteNumber("initial_max_stream_data_uni"u8, parameters.InitialMaxStreamDataUnidirectional);
        _json.WriteNumber("initial_max_streams_bidi"u8, parameters.InitialMaxStreamsBidirectional);
        _json.WriteNumber("initial_max_streams_uni"u8, parameters.InitialMaxStreamsUnidirectional);
        _json.WriteNumber("max_datagram_frame_size"u8, parameters.MaxDatagramFrameSize);
        _json.WriteBoolean("grease_quic_bit"u8, parameters.GreaseQuicBit);
        End();
    }

    /// <summary>One end has keys of a level, out of the handshake.</summary>
    public void KeyInstalled(EncryptionLevel level, EndpointRole sender, Timestamp now) =>
        Key("security:key_updated"u8, level, sender, level == EncryptionLevel.Application ? 0 : -1, "tls"u8, now);

    /// <summary>Both ends' keys of a level are gone.</summary>
    /// <param name="level">The level.</param>
    /// <param name="generation">Of 1-RTT keys, how many updates they have behind them; else -1.</param>
    /// <param name="now">The time.</param>
    public void KeysDiscarded(EncryptionLevel level, long generation, Timestamp now)
    {
        Key("security:key_discarded"u8, level, EndpointRole.Client, generation, default, now);
        if (level != EncryptionLevel.EarlyData)
        {
            Key("security:key_discarded"u8, level, EndpointRole.Server, generation, default, now);
        }
    }

    /// <summary>The 1-RTT keys are of this generation, for both directions: writes it if that is new.</summary>
    public void NoteGeneration(long generation, bool isLocal, Timestamp now)
    {
        if (generation == _generation)
        {
            return;
        }

        _generation = generation;
        ReadOnlySpan<byte> trigger = isLocal ? "local_update"u8 : "remote_update"u8;
        Key("security:key_updated"u8, EncryptionLevel.Application, EndpointRole.Client, generation, trigger, now);
        Key("security:key_updated"u8, EncryptionLevel.Application, EndpointRole.Server, generation, trigger, now);
    }

    // The schema has room for the keys themselves. They are not for logs: QuicProfile.KeyLog is where they go if anywhere.
    private void Key(
        ReadOnlySpan<byte> name, EncryptionLevel level, EndpointRole sender, long generation, ReadOnlySpan<byte> trigger, Timestamp now)
    {
        if (!Begin(name, now))
        {
            return;
        }

        bool isClient = sender == EndpointRole.Client;
        _json.WriteString("key_type"u8, level switch
        {
            EncryptionLevel.Initial => isClient ? "client_initial_secret"u8 : "server_initial_secret"u8,
            EncryptionLevel.EarlyData => isClient ? "client_0rtt_secret"u8 : "server_0rtt_secret"u8,
            EncryptionLevel.Handshake => isClient ? "client_handshake_secret"u8 : "server_handshake_secret"u8,
            _ => isClient ? "client_1rtt_secret"u8 : "server_1rtt_secret"u8,
        });
        if (generation >= 0)
        {
            _json.WriteNumber("generation"u8, generation);
        }

        if (!trigger.IsEmpty)
        {
            _json.WriteString("trigger"u8, trigger);
        }

        End();
    }

    private void WriteId(ReadOnlySpan<byte> name, ConnectionId? id)
    {
        if (id is { } present)
        {
            _json.WriteString(name, present.ToString());
        }
    }

    private void WriteAddress(ReadOnlySpan<byte> addressName, ReadOnlySpan<byte> portName, PeerAddress address)
    {
        if (address.IsNone)
        {
            _json.WriteString(addressName, "0.0.0.0"u8);
            return;
        }

        _json.WriteString(addressName, address.ToEndPoint().Address.ToString());
        if (address.Port != 0)
        {
            _json.WriteNumber(portName, address.Port);
        }
    }
}
