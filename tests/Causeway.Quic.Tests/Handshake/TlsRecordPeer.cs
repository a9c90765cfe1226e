using System.Buffers.Binary;
using System.Security.Cryptography;

using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>
/// Carries a handshake of ours in TLS records (RFC 8446, 5), so that it can talk to implementations of TLS over TCP:
/// bytes of the stream go in, bytes come out.
/// </summary>
internal sealed class TlsRecordPeer : IDisposable
{
    private const byte ChangeCipherSpec = 20;
    private const byte Alert = 21;
    private const byte HandshakeRecord = 22;
    private const byte ApplicationData = 23;

    private readonly IHandshake _handshake;
    private readonly TlsServerOptions? _serverOptions;
    private readonly Timestamp _now;
    private readonly List<byte> _input = [];
    private readonly List<byte> _output = [];
    private readonly Dictionary<EncryptionLevel, RecordKeys> _writeKeys = [];
    private RecordKeys? _readKeys;
    private EncryptionLevel _readLevel = EncryptionLevel.Initial;

    public TlsRecordPeer(IHandshake handshake, TlsServerOptions? serverOptions = null, Timestamp? now = null)
    {
        _handshake = handshake;
        _serverOptions = serverOptions;
        _now = now ?? Timestamp.FromMilliseconds(1_000_000);
        handshake.Start(_now);
        Drain();
    }

    /// <summary>What the peer sent as application data.</summary>
    public List<byte> Received { get; } = [];

    public List<byte[]> Tickets { get; } = [];

    public byte[]? PeerTransportParameters { get; private set; }

    /// <summary>The alert that the peer sent, if it sent one.</summary>
    public byte? AlertFromPeer { get; private set; }

    public byte[] TakeOutput()
    {
        byte[] output = [.. _output];
        _output.Clear();
        return output;
    }

    public void Feed(ReadOnlySpan<byte> bytes)
    {
        _input.AddRange(bytes);
        while (_input.Count >= 5)
        {
            int length = (_input[3] << 8) | _input[4];
            if (_input.Count < 5 + length)
            {
                return;
            }

            byte[] header = [.. _input[..5]];
            byte[] body = [.. _input[5..(5 + length)]];
            _input.RemoveRange(0, 5 + length);
            OnRecord(header, body);
        }
    }

    public void SendApplicationData(ReadOnlySpan<byte> data) => WriteRecord(EncryptionLevel.Application, ApplicationData, data);

    public void Dispose() => _handshake.Dispose();

    private void OnRecord(byte[] header, byte[] body)
    {
        byte type = header[0];
        if (type == ChangeCipherSpec)
        {
            return;
        }

        ReadOnlySpan<byte> content = body;
        if (type == ApplicationData)
        {
            content = _readKeys!.Open(header, body, out type);
        }

        switch (type)
        {
            case Alert:
                AlertFromPeer = content[1];
                break;
            case HandshakeRecord:
                _handshake.Input(_readLevel, content, _now);
                Drain();
                break;
            default:
                Received.AddRange(content);
                break;
        }
    }

    private void Drain()
    {
        while (_handshake.TryReadEvent(out HandshakeEvent step))
        {
            switch (step.Kind)
            {
                case HandshakeEventKind.Output:
                    WriteRecord(step.Level, HandshakeRecord, step.Bytes.Span);
                    break;
                case HandshakeEventKind.WriteSecret:
                    _writeKeys[step.Level] = new RecordKeys(step.Suite, step.Bytes.Span);
                    break;
                case HandshakeEventKind.ReadSecret:
                    _readKeys = new RecordKeys(step.Suite, step.Bytes.Span);
                    _readLevel = step.Level;
                    break;
                case HandshakeEventKind.ServerOptionsNeeded:
                    ((Tls13Server)_handshake).AnswerServerOptions(_serverOptions!, _now);
                    break;
                case HandshakeEventKind.CertificateCheckNeeded:
                    _handshake.AnswerCertificateCheck(null, _now);
                    break;
                case HandshakeEventKind.PeerTransportParameters:
                    PeerTransportParameters = step.Bytes.ToArray();
                    break;
                case HandshakeEventKind.TicketReceived:
                    Tickets.Add(step.Bytes.ToArray());
                    break;
                case HandshakeEventKind.Failed:
                    WriteRecord(
                        _writeKeys.Keys.DefaultIfEmpty(EncryptionLevel.Initial).Max(), Alert, [2, _handshake.Failure!.Alert]);
                    break;
                default:
                    break;
            }
        }
    }

    private void WriteRecord(EncryptionLevel level, byte type, ReadOnlySpan<byte> content)
    {
        if (!_writeKeys.TryGetValue(level, out RecordKeys? keys))
        {
            _output.AddRange([type, 3, 3, (byte)(content.Length >> 8), (byte)content.Length]);
            _output.AddRange(content);
            return;
        }

        _output.AddRange(keys.Seal(type, content));
    }

    /// <summary>Keys of one direction at one level, with the number of the next record (RFC 8446, 5.2, 5.3).</summary>
    private sealed class RecordKeys
    {
        private readonly CipherSuite _suite;
        private readonly byte[] _key;
        private readonly byte[] _iv = new byte[12];
        private ulong _sequence;

        public RecordKeys(CipherSuite suite, ReadOnlySpan<byte> secret)
        {
            _suite = suite;
            _key = new byte[suite == CipherSuite.Aes128GcmSha256 ? 16 : 32];
            KeySchedule.ExpandLabel(CipherSuites.HashOf(suite), secret, "key"u8, [], _key);
            KeySchedule.ExpandLabel(CipherSuites.HashOf(suite), secret, "iv"u8, [], _iv);
        }

        public byte[] Seal(byte type, ReadOnlySpan<byte> content)
        {
            byte[] inner = [.. content, type];
            int length = inner.Length + 16;
            byte[] record = new byte[5 + length];
            byte[] header = [ApplicationData, 3, 3, (byte)(length >> 8), (byte)length];
            header.CopyTo(record, 0);
            if (_suite == CipherSuite.ChaCha20Poly1305Sha256)
            {
                using ChaCha20Poly1305 aead = new(_key);
                aead.Encrypt(NextNonce(), inner, record.AsSpan(5, inner.Length), record.AsSpan(5 + inner.Length), header);
            }
            else
            {
                using AesGcm aead = new(_key, 16);
                aead.Encrypt(NextNonce(), inner, record.AsSpan(5, inner.Length), record.AsSpan(5 + inner.Length), header);
            }

            return record;
        }

        public ReadOnlySpan<byte> Open(byte[] header, byte[] body, out byte type)
        {
            byte[] inner = new byte[body.Length - 16];
            if (_suite == CipherSuite.ChaCha20Poly1305Sha256)
            {
                using ChaCha20Poly1305 aead = new(_key);
                aead.Decrypt(NextNonce(), body.AsSpan(0, inner.Length), body.AsSpan(inner.Length), inner, header);
            }
            else
            {
                using AesGcm aead = new(_key, 16);
                aead.Decrypt(NextNonce(), body.AsSpan(0, inner.Length), body.AsSpan(inner.Length), inner, header);
            }

            // Zeros after the type are padding (RFC 8446, 5.4).
            ReadOnlySpan<byte> trimmed = inner.AsSpan().TrimEnd((byte)0);
            type = trimmed[^1];
            return trimmed[..^1];
        }

        private byte[] NextNonce()
        {
            byte[] nonce = [.. _iv];
            ulong low = BinaryPrimitives.ReadUInt64BigEndian(nonce.AsSpan(4)) ^ _sequence++;
            BinaryPrimitives.WriteUInt64BigEndian(nonce.AsSpan(4), low);
            return nonce;
        }
    }
}
