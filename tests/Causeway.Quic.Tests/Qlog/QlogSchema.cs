using System.Text.Json;

namespace Causeway.Quic.Tests.Qlog;

/// <summary>
/// Checks records against the CDDL of draft-ietf-quic-qlog-main-schema (qlog 0.3) and draft-ietf-quic-qlog-quic-events-03, as far as
/// it is needed here.
/// </summary>
/// <remarks>
/// A line is a struct: its name and its members, "?" before an optional one, "*" where others are allowed. A type is uint, float,
/// bool, text, hex, any, [type], a struct, 'words' of an enumeration, or several with "/" between. Of the events and frames, those
/// are here that are written.
/// </remarks>
internal static class QlogSchema
{
    private const string Words = """
        QlogFileSeq          qlog_format:'JSON-SEQ' qlog_version:'0.3' ?title:text ?description:text trace:TraceSeq
        TraceSeq             ?title:text ?description:text common_fields:CommonFields vantage_point:VantagePoint
        VantagePoint         ?name:text type:'client|server|network|unknown'
        CommonFields         time_format:'relative' reference_time:float protocol_type:[text] group_id:hex ODCID:hex
        Event                time:float name:text data:any
        RawInfo              ?length:uint ?payload_length:uint ?data:hex

        connectivity:connection_started   ?ip_version:'v4|v6' src_ip:text dst_ip:text ?protocol:text ?src_port:uint ?dst_port:uint ?src_cid:hex ?dst_cid:hex
        connectivity:connection_closed    ?owner:Owner ?connection_code:TransportError/uint ?application_code:uint ?internal_code:uint ?reason:text ?trigger:'clean|handshake_timeout|idle_timeout|error|stateless_reset|version_mismatch|application'
        transport:version_information     ?server_versions:[Version] ?client_versions:[Version] ?chosen_version:Version
        transport:alpn_information        ?server_alpns:[text] ?client_alpns:[text] ?chosen_alpn:text
        transport:parameters_set          ?owner:Owner ?tls_cipher:text ?original_destination_connection_id:hex ?initial_source_connection_id:hex ?retry_source_connection_id:hex ?disable_active_migration:bool ?max_idle_timeout:uint ?max_udp_payload_size:uint ?ack_delay_exponent:uint ?max_ack_delay:uint ?active_connection_id_limit:uint ?initial_max_data:uint ?initial_max_stream_data_bidi_local:uint ?initial_max_stream_data_bidi_remote:uint ?initial_max_stream_data_uni:uint ?initial_max_streams_bidi:uint ?initial_max_streams_uni:uint *
        transport:packet_sent             header:PacketHeader ?frames:[QuicFrame] ?raw:RawInfo ?is_mtu_probe_packet:bool
        transport:packet_received         header:PacketHeader ?frames:[QuicFrame] ?raw:RawInfo ?retry_token:Token ?supported_versions:[Version]
        transport:packet_dropped          ?header:PacketHeader ?raw:RawInfo ?trigger:'key_unavailable|unknown_connection_id|header_parse_error|payload_decrypt_error|protocol_violation|dos_prevention|unsupported_version|unexpected_packet|unexpected_source_connection_id|unexpected_version|duplicate|invalid_initial'
        transport:packet_buffered         ?header:PacketHeader ?raw:RawInfo ?trigger:'backpressure|keys_unavailable'
        security:key_updated              key_type:KeyType ?generation:uint ?trigger:'tls|remote_update|local_update'
        security:key_discarded            key_type:KeyType ?generation:uint ?trigger:'tls|remote_update|local_update'
        recovery:metrics_updated          ?min_rtt:float ?smoothed_rtt:float ?latest_rtt:float ?rtt_variance:float ?pto_count:uint ?congestion_window:uint ?bytes_in_flight:uint
        recovery:packet_lost              header:PacketHeader ?is_mtu_probe_packet:bool trigger:'reordering_threshold|time_threshold|pto_expired'

        PacketHeader         packet_type:'initial|handshake|0RTT|1RTT|retry|version_negotiation|stateless_reset|unknown' ?packet_number:uint ?flags:uint ?token:Token ?length:uint ?version:Version ?scil:uint ?dcil:uint ?scid:hex ?dcid:hex
        Token                ?type:'retry|resumption' ?length:uint
        padding              frame_type:text ?length:uint payload_length:uint
        ping                 frame_type:text
        ack                  frame_type:text ?ack_delay:float ?acked_ranges:[[uint]] ?ect1:uint ?ect0:uint ?ce:uint
        reset_stream         frame_type:text stream_id:uint error_code:uint final_size:uint
        stop_sending         frame_type:text stream_id:uint error_code:uint
        crypto               frame_type:text offset:uint length:uint
        new_token            frame_type:text token:Token
        stream               frame_type:text stream_id:uint offset:uint length:uint ?fin:bool
        max_data             frame_type:text maximum:uint
        max_stream_data      frame_type:text stream_id:uint maximum:uint
        max_streams          frame_type:text stream_type:'unidirectional|bidirectional' maximum:uint
        data_blocked         frame_type:text limit:uint
        stream_data_blocked  frame_type:text stream_id:uint limit:uint
        streams_blocked      frame_type:text stream_type:'unidirectional|bidirectional' limit:uint
        new_connection_id    frame_type:text sequence_number:uint retire_prior_to:uint ?connection_id_length:uint connection_id:hex
        retire_connection_id frame_type:text sequence_number:uint
        path_challenge       frame_type:text ?data:hex
        path_response        frame_type:text ?data:hex
        connection_close     frame_type:text ?error_space:'transport|application' ?error_code:TransportError/uint ?raw_error_code:uint ?reason:text ?trigger_frame_type:uint
        handshake_done       frame_type:text
        unknown              frame_type:text raw_frame_type:uint
        datagram             frame_type:text ?length:uint
        immediate_ack        frame_type:text
        ack_frequency        frame_type:text
        fec_source           frame_type:text source_id:uint
        fec_repair           frame_type:text repair_id:uint first_source_id:uint count:uint
        fec_recovered        frame_type:text first_source_id:uint count:uint
        """;

    private static readonly string[] s_keyTypes =
    [
        .. from level in (string[])["initial", "handshake", "0rtt", "1rtt"] from side in (string[])["server", "client"] select $"{side}_{level}_secret",
    ];

    private static readonly string[] s_transportErrors =
    [
        "no_error", "internal_error", "connection_refused", "flow_control_error", "stream_limit_error", "stream_state_error",
        "final_size_error", "frame_encoding_error", "transport_parameter_error", "connection_id_limit_error", "protocol_violation",
        "invalid_token", "application_error", "crypto_buffer_exceeded",
    ];

    private static readonly Dictionary<string, string[]> s_structs = Words
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        .ToDictionary(static words => words[0], static words => words[1..]);

    /// <summary>Checks a header.</summary>
    public static void CheckHeader(JsonElement record) => Struct("QlogFileSeq", record, "header");

    /// <summary>Checks an event.</summary>
    public static void CheckEvent(JsonElement record)
    {
        Struct("Event", record, "event");
        string name = record.GetProperty("name").GetString()!;
        Require(name.Contains(':', StringComparison.Ordinal) && s_structs.ContainsKey(name), name, "no known event");
        JsonElement data = record.GetProperty("data");
        Require(data.EnumerateObject().Any(), name, "no data");
        Struct(name, data, name);
    }

    /// <summary>Whether a value is of a type.</summary>
    private static bool Is(string type, JsonElement value, string where)
    {
        if (type[0] == '[')
        {
            if (value.ValueKind != JsonValueKind.Array)
            {
                return false;
            }

            foreach (JsonElement element in value.EnumerateArray())
            {
                Require(Is(type[1..^1], element, where), where, $"an element that is not {type[1..^1]}");
            }

            return true;
        }

        if (type[0] == '\'')
        {
            return value.ValueKind == JsonValueKind.String && type[1..^1].Split('|').Contains(value.GetString());
        }

        return type switch
        {
            "any" => true,
            "uint" => value.ValueKind == JsonValueKind.Number && value.TryGetUInt64(out _),
            "float" => value.ValueKind == JsonValueKind.Number && value.GetDouble() >= 0,
            "bool" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            "text" => value.ValueKind == JsonValueKind.String,
            "hex" => value.ValueKind == JsonValueKind.String && IsHex(value.GetString()!),
            "Version" => value.ValueKind == JsonValueKind.String && IsHex(value.GetString()!) && value.GetString()!.Length == 8,
            "Owner" => value.ValueKind == JsonValueKind.String && value.GetString() is "local" or "remote",
            "KeyType" => value.ValueKind == JsonValueKind.String && s_keyTypes.Contains(value.GetString()),
            "TransportError" => value.ValueKind == JsonValueKind.String && IsTransportError(value.GetString()!),
            "QuicFrame" => Struct(value.GetProperty("frame_type").GetString()!, value, where),
            _ => Struct(type, value, where),
        };
    }

    private static bool Struct(string name, JsonElement value, string where)
    {
        where += $" > {name}";
        Require(s_structs.TryGetValue(name, out string[]? members), where, "no known struct");
        Require(value.ValueKind == JsonValueKind.Object, where, "no object");
        HashSet<string> known = [];
        foreach (string member in members!.Where(static member => member != "*"))
        {
            string[] parts = member.TrimStart('?').Split(':', 2);
            known.Add(parts[0]);
            if (value.TryGetProperty(parts[0], out JsonElement found))
            {
                Require(parts[1].Split('/').Any(type => Is(type, found, where)), where, $"{parts[0]} is {found.GetRawText()}, not {parts[1]}");
            }
            else
            {
                Require(member[0] == '?', where, $"no {parts[0]}");
            }
        }

        string[] names = [.. value.EnumerateObject().Select(static property => property.Name)];
        Require(names.Distinct().Count() == names.Length, where, "a member twice");
        Require(members!.Contains("*") || names.All(known.Contains), where, $"an unknown member: {string.Join(", ", names.Except(known))}");
        return true;
    }

    private static bool IsHex(string text) => text.Length % 2 == 0 && text.All(char.IsAsciiHexDigitLower);

    private static bool IsTransportError(string text) =>
        s_transportErrors.Contains(text)
        || (text.StartsWith("crypto_error_0x1", StringComparison.Ordinal) && text.Length == 18 && text[^2..].All(char.IsAsciiHexDigitLower));

    private static void Require(bool condition, string where, string problem) => Assert.True(condition, $"{where}: {problem}");
}
