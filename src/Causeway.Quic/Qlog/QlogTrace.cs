using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Qlog;

/// <summary>
/// The qlog of one connection: a header and events as JSON text sequences (draft-ietf-quic-qlog-main-schema, qlog 0.3; RFC 7464),
/// with the events of draft-ietf-quic-qlog-quic-events-03.
/// </summary>
/// <remarks>
/// For one thread at a time, as its session is. Nothing here throws: when the stream fails, the log ends. Events are collected in
/// memory and written in pieces; once the connection is closed, each event is written as it comes.
/// </remarks>
internal sealed partial class QlogTrace : IDisposable
{
    // RFC 7464, 2.2: a record begins with RS and ends with LF.
    private const byte RecordSeparator = 0x1e;
    private const byte LineFeed = 0x0a;

    // Some hundred events: a write costs little beside what it took to format them.
    private const int WriteAt = 32 << 10;

    private readonly ArrayBufferWriter<byte> _buffer = new(WriteAt + (8 << 10));
    private readonly Utf8JsonWriter _json;
    private EndpointRole _role;
    private Stream? _stream;
    private Timestamp _origin;
    private Timestamp _latest;
    private bool _isClosed;

    /// <summary>Makes a trace that owns a stream.</summary>
    public QlogTrace(Stream stream)
    {
        _stream = stream;
        _json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { SkipValidation = true });
    }

    /// <summary>Makes what opens traces from what opens streams by the name of a file.</summary>
    [return: NotNullIfNotNull(nameof(open))]
    public static Func<EndpointRole, ConnectionId, QlogTrace?>? Opener(Func<string, Stream?>? open) => open is null ? null : (role, id) =>
    {
        try
        {
            return open($"{id}_{NameOf(role)}.sqlog") is { } stream ? new QlogTrace(stream) : null;
        }
        catch (Exception)
        {
            // A connection does not fail because it cannot be logged.
            return null;
        }
    };

    /// <summary>Writes the header.</summary>
    /// <param name="role">Which end logs.</param>
    /// <param name="originalId">The destination id of the client's very first packet, which names the connection at both ends.</param>
    /// <param name="now">The time to which those of events are relative.</param>
    /// <param name="utcNow">The same time on the wall.</param>
    public void Start(EndpointRole role, in ConnectionId originalId, Timestamp now, DateTimeOffset utcNow)
    {
        _role = role;
        _origin = now;
        _latest = now;
        string id = originalId.ToString();
        _buffer.Write([RecordSeparator]);
        _json.WriteStartObject();
        _json.WriteString("qlog_version"u8, "0.3"u8);
        _json.WriteString("qlog_format"u8, "JSON-SEQ"u8);
        _json.WriteString("title"u8, "Causeway"u8);
        _json.WriteStartObject("trace"u8);
        _json.WriteStartObject("vantage_point"u8);
        _json.WriteString("name"u8, "causeway"u8);
        _json.WriteString("type"u8, NameOf(role));
        _json.WriteEndObject();
        _json.WriteStartObject("common_fields"u8);
        _json.WriteString("ODCID"u8, id);
        _json.WriteString("group_id"u8, id);
        _json.WriteString("time_format"u8, "relative"u8);
        _json.WriteNumber("reference_time"u8, utcNow.ToUnixTimeMilliseconds());
        _json.WriteStartArray("protocol_type"u8);
        _json.WriteStringValue("QUIC"u8);
        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.WriteEndObject();
        EndRecord();
    }

    /// <summary>Writes what is left and closes the stream.</summary>
    public void Dispose()
    {
        Drain();
        Stream? stream = _stream;
        _stream = null;
        Close(stream);
        _json.Dispose();
    }

    private static string NameOf(EndpointRole role) => role == EndpointRole.Client ? "client" : "server";

    private static void Close(Stream? stream)
    {
        try
        {
            stream?.Dispose();
        }
        catch (Exception)
        {
            // What a file says when it is closed helps nobody here.
        }
    }

    /// <summary>Begins an event, up to its data.</summary>
    /// <returns>False if there is no log any more.</returns>
    private bool Begin(ReadOnlySpan<byte> name, Timestamp now)
    {
        if (_stream is null)
        {
            return false;
        }

        _latest = Timestamp.Max(_latest, now);
        _buffer.Write([RecordSeparator]);
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteNumber("time"u8, _latest.MicrosecondsSince(_origin) / 1000.0);
        _json.WriteString("name"u8, name);
        _json.WriteStartObject("data"u8);
        return true;
    }

    private void End()
    {
        _json.WriteEndObject();
        EndRecord();
    }

    private void EndRecord()
    {
        _json.WriteEndObject();
        _json.Flush();
        _buffer.Write([LineFeed]);
        if (_isClosed || _buffer.WrittenCount >= WriteAt)
        {
            Drain();
        }
    }

    private void Drain()
    {
        try
        {
            _stream?.Write(_buffer.WrittenSpan);
            if (_isClosed)
            {
                _stream?.Flush();
            }
        }
        catch (Exception)
        {
            Stream? failed = _stream;
            _stream = null;
            Close(failed);
        }

        _buffer.ResetWrittenCount();
    }

    private void WriteHex(ReadOnlySpan<byte> name, ReadOnlySpan<byte> bytes)
    {
        Span<byte> digits = stackalloc byte[2 * byte.MaxValue];
        bytes = bytes[..Math.Min(bytes.Length, byte.MaxValue)];
        Convert.TryToHexStringLower(bytes, digits, out int length);
        _json.WriteString(name, digits[..length]);
    }
}
