using System.Runtime.InteropServices;
using System.Security.Cryptography;

using Causeway.Protocol;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// What both ends of a TLS 1.3 handshake share: messages from bytes, events, secrets, and the end in failure.
/// </summary>
internal abstract partial class Tls13Handshake : IHandshake
{
    private readonly Queue<HandshakeEvent> _events = new();

    // Input that is not yet a whole message, or that waits for an answer.
    private byte[] _input = [];
    private int _inputStart;
    private int _inputEnd;
    private byte[]? _secretOut;
    private ReadOnlyMemory<byte> _sessionContext;
    private bool _isDisposed;

    private protected Tls13Handshake(HandshakeEnvironment environment, HandshakeLimits limits)
    {
        Environment = environment;
        Limits = limits;
    }

    public abstract EndpointRole Role { get; }

    public HandshakeFailure? Failure { get; private set; }

    public bool IsComplete { get; private protected set; }

    public ReadOnlyMemory<byte> LocalTransportParameters { get; set; }

    public ReadOnlyMemory<byte> SessionContext
    {
        get => _sessionContext;
        set
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, byte.MaxValue);
            _sessionContext = value;
        }
    }

    public ReadOnlyMemory<byte> ApplicationProtocol { get; private protected set; }

    public string? ServerName { get; private protected set; }

    public CipherSuite Suite { get; private protected set; }

    public NamedGroup Group { get; private protected set; }

    public bool IsResumed { get; private protected set; }

    public ReadOnlyMemory<byte> PskIdentity { get; private protected set; }

    /// <summary>The fingerprint of the external PSK that <see cref="PskIdentity"/> names.</summary>
    private protected ReadOnlyMemory<byte> PskFingerprint { get; set; }

    public IReadOnlyList<ReadOnlyMemory<byte>> PeerCertificates { get; private protected set; } = [];

    private protected HandshakeEnvironment Environment { get; }

    private protected HandshakeLimits Limits { get; }

    private protected Transcript Transcript { get; } = new();

    /// <summary>The level whose messages come next.</summary>
    private protected EncryptionLevel ReadLevel { get; private set; } = EncryptionLevel.Initial;

    /// <summary>Whether nothing may happen any more. An answer of another thread may come as late as that.</summary>
    private protected bool IsOver => Failure is not null || _isDisposed;

    /// <summary>Whether a question waits for its answer, so that input only piles up.</summary>
    private protected bool IsSuspended { get; set; }

    public abstract void Start(Timestamp now);

    public void Input(EncryptionLevel level, ReadOnlySpan<byte> bytes, Timestamp now)
    {
        ForgetSecretOut();
        if (IsOver || bytes.IsEmpty)
        {
            return;
        }

        if (level != ReadLevel)
        {
            // RFC 9001, 4.1.3: nothing may follow in a level that is over.
            Fail(
                AlertDescription.UnexpectedMessage,
                $"Handshake bytes came in level {level} while {ReadLevel} was due.",
                TransportErrorCode.ProtocolViolation);
            return;
        }

        if (_inputEnd - _inputStart + bytes.Length > Math.Max(Limits.MaxBufferedLength, Limits.MaxCertificateLength))
        {
            Fail(
                AlertDescription.IllegalParameter,
                "More handshake bytes came than are kept.",
                TransportErrorCode.CryptoBufferExceeded);
            return;
        }

        AppendInput(bytes);
        ReadMessages(now);
    }

    public abstract void AnswerCertificateCheck(HandshakeFailure? refusal, Timestamp now);

    public bool TryReadEvent(out HandshakeEvent step)
    {
        ForgetSecretOut();
        if (!_events.TryDequeue(out step))
        {
            return false;
        }

        if (step.Kind
            is HandshakeEventKind.ReadSecret or HandshakeEventKind.WriteSecret or HandshakeEventKind.TicketReceived)
        {
            MemoryMarshal.TryGetArray(step.Bytes, out ArraySegment<byte> segment);
            _secretOut = segment.Array;
        }

        return true;
    }

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            ForgetSecretOut();
            while (TryReadEvent(out _))
            {
                // Each secret that nobody read is zeroed when the next is taken.
            }

            ForgetSecrets();
        }
    }

    /// <summary>
    /// Whether a message of a type may come now. It is asked before the message is whole, so that its length is
    /// bounded.
    /// </summary>
    private protected abstract bool Expects(HandshakeType type);

    /// <summary>Takes a whole message with its header, which the state expects.</summary>
    private protected abstract void OnMessage(HandshakeType type, ReadOnlyMemory<byte> message, Timestamp now);

    /// <summary>Zeroes every secret that the handshake still holds.</summary>
    private protected abstract void ForgetSecrets();

    /// <summary>Goes on with what piled up while the handshake waited.</summary>
    private protected void Resume(Timestamp now)
    {
        IsSuspended = false;
        ReadMessages(now);
    }

    /// <summary>Ends the handshake. The caller returns at once.</summary>
    private protected void Fail(AlertDescription alert, string reason, TransportErrorCode? code = null)
    {
        if (Failure is not null)
        {
            return;
        }

        HandshakeFailure failure = new((byte)alert, reason);
        Fail(code is null ? failure : failure with { ErrorCode = code.Value });
    }

    private protected void Fail(HandshakeFailure failure)
    {
        Failure = failure;
        IsSuspended = false;
        _inputStart = _inputEnd = 0;
        ForgetSecrets();
        Raise(HandshakeEventKind.Failed, ReadLevel, default);
    }

    /// <summary>Goes on to the messages of the next level, which use other keys.</summary>
    /// <returns>
    /// False if bytes are left over, which must not span a change of keys (RFC 8446, 5.1; RFC 9001, 4.1.3).
    /// </returns>
    private protected bool TryAdvance(EncryptionLevel level)
    {
        if (_inputEnd > _inputStart)
        {
            Fail(
                AlertDescription.UnexpectedMessage,
                $"Handshake bytes of level {ReadLevel} were left over when the keys changed.",
                TransportErrorCode.ProtocolViolation);
            return false;
        }

        ReadLevel = level;
        return true;
    }

    private protected void Raise(HandshakeEventKind kind, EncryptionLevel level, ReadOnlyMemory<byte> bytes) =>
        Raise(kind, level, bytes, Suite);

    private protected void Raise(
        HandshakeEventKind kind, EncryptionLevel level, ReadOnlyMemory<byte> bytes, CipherSuite suite) =>
        _events.Enqueue(new HandshakeEvent(kind, level, suite, bytes));

    /// <summary>Sends a message that is part of the transcript.</summary>
    private protected void Send(EncryptionLevel level, byte[] message)
    {
        Transcript.Add(message);
        Raise(HandshakeEventKind.Output, level, message);
    }

    private void AppendInput(ReadOnlySpan<byte> bytes)
    {
        _input.AsSpan(_inputStart, _inputEnd - _inputStart).CopyTo(_input);
        _inputEnd -= _inputStart;
        _inputStart = 0;
        if (_input.Length - _inputEnd < bytes.Length)
        {
            Array.Resize(ref _input, Math.Max(_inputEnd + bytes.Length, _input.Length * 2));
        }

        bytes.CopyTo(_input.AsSpan(_inputEnd));
        _inputEnd += bytes.Length;
    }

    private void ReadMessages(Timestamp now)
    {
        while (!IsSuspended && Failure is null && _inputEnd - _inputStart >= 4)
        {
            ReadOnlySpan<byte> rest = _input.AsSpan(_inputStart, _inputEnd - _inputStart);
            HandshakeType type = (HandshakeType)rest[0];
            int length = 4 + ((rest[1] << 16) | (rest[2] << 8) | rest[3]);
            if (!Expects(type))
            {
                Fail(AlertDescription.UnexpectedMessage, $"A message of type {type} may not come now.");
                return;
            }

            if (length > LimitOf(type))
            {
                Fail(AlertDescription.IllegalParameter, $"A message of type {type} with {length} bytes is too long.");
                return;
            }

            if (rest.Length < length)
            {
                return;
            }

            // The message is taken out first, so that whatever is left over is seen where keys change.
            byte[] message = rest[..length].ToArray();
            _inputStart += length;
            if (_inputStart == _inputEnd)
            {
                _inputStart = _inputEnd = 0;
            }

            OnMessage(type, message, now);
        }
    }

    private int LimitOf(HandshakeType type) => type switch
    {
        HandshakeType.ClientHello => Limits.MaxClientHelloLength,
        HandshakeType.Certificate => Limits.MaxCertificateLength,
        _ => Limits.MaxMessageLength,
    };

    private void ForgetSecretOut()
    {
        if (_secretOut is not null)
        {
            CryptographicOperations.ZeroMemory(_secretOut);
            _secretOut = null;
        }
    }
}
