using Causeway.Protocol;

namespace Causeway.Quic.Wire;

/// <summary>Reads and writes transport parameters (RFC 9000, 18).</summary>
internal static class TransportParameterCodec
{
    // Parameters that are not known are compared with so many others before them: enough to find a peer that repeats
    // itself, too few to be kept busy by one that sends thousands.
    private const int MaxUnknown = 32;

    private const long MaxStreamCount = 1L << 60;
    private const int MaxAckDelayExponent = 20;
    private const int MaxAckDelayLimit = 1 << 14;
    private const long MicrosecondsPerMillisecond = 1000;

    /// <summary>Reads what a peer sent. Nothing in it throws or allocates.</summary>
    /// <param name="encoded">The value of the TLS extension.</param>
    /// <param name="sender">Who sent it: a client must not send some (RFC 9000, 18.2).</param>
    /// <param name="parameters">Takes the values; what is absent is reset.</param>
    /// <param name="error">What is wrong, in words; null if nothing is. Wrong is TRANSPORT_PARAMETER_ERROR.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> encoded, EndpointRole sender, TransportParameters parameters, out string? error)
    {
        parameters.Reset();
        error = null;
        WireReader reader = new(encoded);
        Span<long> unknown = stackalloc long[MaxUnknown];
        int unknownCount = 0;
        ulong known = 0;
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadVarInt(out long id) || !reader.TryReadPrefixed(out ReadOnlySpan<byte> value))
            {
                error = "a transport parameter that is cut off";
                return false;
            }

            int bit = KnownBit(id);
            bool isRepeated = bit >= 0 ? (known & (1UL << bit)) != 0 : unknown[..unknownCount].Contains(id);
            if (isRepeated)
            {
                error = "a transport parameter that comes twice";
                return false;
            }

            if (bit >= 0)
            {
                known |= 1UL << bit;
                error = Read(id, value, sender, parameters);
                if (error is not null)
                {
                    return false;
                }
            }
            else if (unknownCount < MaxUnknown)
            {
                unknown[unknownCount++] = id;
            }
        }

        if (parameters.MinAckDelay > parameters.MaxAckDelay * MicrosecondsPerMillisecond)
        {
            error = "a min_ack_delay above the max_ack_delay";
        }

        return error is null;
    }

    /// <summary>Writes what this end sends. Values that say what absence says are left out.</summary>
    /// <param name="destination">
    /// Where to; <see cref="EndpointRole"/> is not asked: set nothing that a client must not send.
    /// </param>
    /// <param name="parameters">The values.</param>
    /// <param name="random">
    /// Random bits for a reserved parameter and a reserved version, so that peers do not come to choke on unknown ones
    /// (RFC 9000, 18.1; RFC 9368, 7.1); null to send neither.
    /// </param>
    /// <returns>The length; 0 if there is no room.</returns>
    public static int Write(Span<byte> destination, TransportParameters parameters, ulong? random)
    {
        WireWriter writer = new(destination);
        WriteId(
            ref writer, TransportParameterId.OriginalDestinationConnectionId, parameters.OriginalDestinationConnectionId);
        WriteInteger(ref writer, TransportParameterId.MaxIdleTimeout, parameters.MaxIdleTimeout, 0);
        if (parameters.StatelessResetToken is { } token)
        {
            writer.Integer(TransportParameterId.StatelessResetToken);
            writer.Prefixed(token.Span);
        }

        WriteInteger(
            ref writer, TransportParameterId.MaxUdpPayloadSize, parameters.MaxUdpPayloadSize,
            TransportParameters.DefaultMaxUdpPayloadSize);
        WriteInteger(ref writer, TransportParameterId.InitialMaxData, parameters.InitialMaxData, 0);
        WriteInteger(
            ref writer, TransportParameterId.InitialMaxStreamDataBidirectionalLocal,
            parameters.InitialMaxStreamDataBidirectionalLocal, 0);
        WriteInteger(
            ref writer, TransportParameterId.InitialMaxStreamDataBidirectionalRemote,
            parameters.InitialMaxStreamDataBidirectionalRemote, 0);
        WriteInteger(
            ref writer, TransportParameterId.InitialMaxStreamDataUnidirectional,
            parameters.InitialMaxStreamDataUnidirectional, 0);
        WriteInteger(
            ref writer, TransportParameterId.InitialMaxStreamsBidirectional, parameters.InitialMaxStreamsBidirectional, 0);
        WriteInteger(
            ref writer, TransportParameterId.InitialMaxStreamsUnidirectional, parameters.InitialMaxStreamsUnidirectional, 0);
        WriteInteger(
            ref writer, TransportParameterId.AckDelayExponent, parameters.AckDelayExponent,
            TransportParameters.DefaultAckDelayExponent);
        WriteInteger(
            ref writer, TransportParameterId.MaxAckDelay, parameters.MaxAckDelay, TransportParameters.DefaultMaxAckDelay);
        WriteFlag(ref writer, TransportParameterId.DisableActiveMigration, parameters.DisableActiveMigration);
        if (parameters.PreferredAddress is { } address)
        {
            WritePreferredAddress(ref writer, address);
        }

        WriteInteger(
            ref writer, TransportParameterId.ActiveConnectionIdLimit, parameters.ActiveConnectionIdLimit,
            TransportParameters.DefaultActiveConnectionIdLimit);
        WriteId(ref writer, TransportParameterId.InitialSourceConnectionId, parameters.InitialSourceConnectionId);
        WriteId(ref writer, TransportParameterId.RetrySourceConnectionId, parameters.RetrySourceConnectionId);
        WriteVersionInformation(ref writer, parameters.VersionInformation, random);
        WriteInteger(ref writer, TransportParameterId.MaxDatagramFrameSize, parameters.MaxDatagramFrameSize, 0);
        WriteFlag(ref writer, TransportParameterId.GreaseQuicBit, parameters.GreaseQuicBit);
        if (parameters.MinAckDelay is { } minAckDelay)
        {
            WriteInteger(ref writer, TransportParameterId.MinAckDelay, minAckDelay, absent: -1);
        }

        WriteInteger(ref writer, TransportParameterId.FecWindow, parameters.FecWindow, 0);
        if (random is { } bits)
        {
            writer.Integer(TransportParameterId.Reserved((uint)bits));
            writer.Prefixed([(byte)(bits >> 8), (byte)(bits >> 16)]);
        }

        return writer.Length;
    }

    // A number for each parameter that is known; -1 for others.
    private static int KnownBit(long id) => id switch
    {
        >= TransportParameterId.OriginalDestinationConnectionId and <= TransportParameterId.VersionInformation => (int)id,
        TransportParameterId.MaxDatagramFrameSize => 32,
        TransportParameterId.GreaseQuicBit => 33,
        TransportParameterId.MinAckDelay => 34,
        TransportParameterId.FecWindow => 35,
        _ => -1,
    };

    private static string? Read(
        long id, ReadOnlySpan<byte> value, EndpointRole sender, TransportParameters parameters)
    {
        switch (id)
        {
            case TransportParameterId.OriginalDestinationConnectionId:
            case TransportParameterId.StatelessResetToken:
            case TransportParameterId.PreferredAddress:
            case TransportParameterId.RetrySourceConnectionId:
                return sender == EndpointRole.Client
                    ? "a transport parameter that a client must not send"
                    : ReadOfServer(id, value, parameters);
            case TransportParameterId.InitialSourceConnectionId:
                parameters.InitialSourceConnectionId = ReadId(value);
                return parameters.InitialSourceConnectionId is null ? "a connection id of more than 20 bytes" : null;
            case TransportParameterId.DisableActiveMigration:
                parameters.DisableActiveMigration = true;
                return value.IsEmpty ? null : "a disable_active_migration that is not empty";
            case TransportParameterId.GreaseQuicBit:
                parameters.GreaseQuicBit = true;
                return value.IsEmpty ? null : "a grease_quic_bit that is not empty";
            case TransportParameterId.VersionInformation:
                bool read = VersionInformation.TryRead(value, sender, out VersionInformation information);
                parameters.VersionInformation = information;
                return read ? null : "a version_information that does not parse";
            default:
                return VarInt.TryRead(value, out long integer, out int length) && length == value.Length
                    ? ReadInteger(id, integer, parameters)
                    : "a transport parameter that is not the integer it should be";
        }
    }

    private static string? ReadOfServer(long id, ReadOnlySpan<byte> value, TransportParameters parameters)
    {
        switch (id)
        {
            case TransportParameterId.OriginalDestinationConnectionId:
                parameters.OriginalDestinationConnectionId = ReadId(value);
                return parameters.OriginalDestinationConnectionId is null ? "a connection id of more than 20 bytes" : null;
            case TransportParameterId.RetrySourceConnectionId:
                parameters.RetrySourceConnectionId = ReadId(value);
                return parameters.RetrySourceConnectionId is null ? "a connection id of more than 20 bytes" : null;
            case TransportParameterId.StatelessResetToken:
                if (value.Length != StatelessResetToken.Length)
                {
                    return "a stateless_reset_token that has not 16 bytes";
                }

                parameters.StatelessResetToken = new StatelessResetToken(value);
                return null;
            default:
                if (!PreferredAddress.TryRead(value, out PreferredAddress address))
                {
                    return "a preferred_address that does not parse";
                }

                parameters.PreferredAddress = address;
                return null;
        }
    }

    private static ConnectionId? ReadId(ReadOnlySpan<byte> value) =>
        value.Length <= ConnectionId.MaxLength ? new ConnectionId(value) : null;

    private static string? ReadInteger(long id, long value, TransportParameters parameters)
    {
        switch (id)
        {
            case TransportParameterId.MaxIdleTimeout:
                parameters.MaxIdleTimeout = value;
                return null;
            case TransportParameterId.MaxUdpPayloadSize:
                parameters.MaxUdpPayloadSize = value;
                return value >= QuicLimits.MinInitialDatagramSize ? null : "a max_udp_payload_size below 1200";
            case TransportParameterId.InitialMaxData:
                parameters.InitialMaxData = value;
                return null;
            case TransportParameterId.InitialMaxStreamDataBidirectionalLocal:
                parameters.InitialMaxStreamDataBidirectionalLocal = value;
                return null;
            case TransportParameterId.InitialMaxStreamDataBidirectionalRemote:
                parameters.InitialMaxStreamDataBidirectionalRemote = value;
                return null;
            case TransportParameterId.InitialMaxStreamDataUnidirectional:
                parameters.InitialMaxStreamDataUnidirectional = value;
                return null;
            case TransportParameterId.InitialMaxStreamsBidirectional:
                parameters.InitialMaxStreamsBidirectional = value;
                return value <= MaxStreamCount ? null : "an initial_max_streams_bidi above 2^60";
            case TransportParameterId.InitialMaxStreamsUnidirectional:
                parameters.InitialMaxStreamsUnidirectional = value;
                return value <= MaxStreamCount ? null : "an initial_max_streams_uni above 2^60";
            case TransportParameterId.AckDelayExponent:
                parameters.AckDelayExponent = (int)Math.Min(value, int.MaxValue);
                return value <= MaxAckDelayExponent ? null : "an ack_delay_exponent above 20";
            case TransportParameterId.MaxAckDelay:
                parameters.MaxAckDelay = (int)Math.Min(value, int.MaxValue);
                return value < MaxAckDelayLimit ? null : "a max_ack_delay of 2^14 or more";
            case TransportParameterId.ActiveConnectionIdLimit:
                parameters.ActiveConnectionIdLimit = value;
                return value >= TransportParameters.DefaultActiveConnectionIdLimit
                    ? null
                    : "an active_connection_id_limit below 2";
            case TransportParameterId.MaxDatagramFrameSize:
                parameters.MaxDatagramFrameSize = value;
                return null;
            case TransportParameterId.FecWindow:
                parameters.FecWindow = value;
                return value > 0 ? null : "a fec_window of 0";
            default:
                parameters.MinAckDelay = value;
                return null;
        }
    }

    private static void WriteInteger(ref WireWriter writer, long id, long value, long absent)
    {
        if (value != absent)
        {
            writer.Integer(id);
            writer.Integer(VarInt.Length(value));
            writer.Integer(value);
        }
    }

    private static void WriteFlag(ref WireWriter writer, long id, bool value)
    {
        if (value)
        {
            writer.Integer(id);
            writer.Integer(0);
        }
    }

    private static void WriteId(ref WireWriter writer, long id, ConnectionId? value)
    {
        if (value is { } connectionId)
        {
            writer.Integer(id);
            writer.Prefixed(connectionId.Span);
        }
    }

    private static void WritePreferredAddress(ref WireWriter writer, in PreferredAddress address)
    {
        const int FixedLength = 4 + 2 + 16 + 2 + 1 + StatelessResetToken.Length;
        writer.Integer(TransportParameterId.PreferredAddress);
        writer.Integer(FixedLength + address.ConnectionId.Length);
        address.Write(ref writer);
    }

    private static void WriteVersionInformation(ref WireWriter writer, in VersionInformation information, ulong? random)
    {
        if (!information.IsPresent)
        {
            return;
        }

        uint reserved = random is { } bits ? VersionNegotiationPacket.ReservedVersion((uint)(bits >> 32)) : 0;
        writer.Integer(TransportParameterId.VersionInformation);
        writer.Integer((1 + (reserved == 0 ? 0 : 1) + information.AvailableCount) * sizeof(uint));
        information.Write(ref writer, reserved);
    }
}
