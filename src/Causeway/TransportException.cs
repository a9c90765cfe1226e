using System.Globalization;

namespace Causeway;

/// <summary>A connection or a stream failed. The only exception of Causeway for what networks and peers do.</summary>
public sealed class TransportException : IOException
{
    // RFC 9000, 20.1: the codes that blame neither the peer nor its settings.
    private const long InternalError = 0x01;
    private const long AeadLimitReached = 0x0f;
    private const long NoViablePath = 0x10;

    // RFC 9001, 4.8: the codes that carry an alert of TLS.
    private const long FirstAlert = 0x100;
    private const long LastAlert = 0x1ff;

    /// <summary>Makes an exception.</summary>
    public TransportException(TransportError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>What happened, for programs.</summary>
    public TransportError Error { get; }

    /// <summary>Whether the peer ended the connection and said why; else this side found out by itself.</summary>
    public bool IsByPeer { get; init; }

    /// <summary>
    /// The code that the peer gave, or that it was told: of a stream or of the application if <see cref="IsApplicationError"/>, else
    /// of QUIC (RFC 9000, 20.1). Null where there is none.
    /// </summary>
    public long? ErrorCode { get; init; }

    /// <summary>Whether <see cref="ErrorCode"/> is one of the application protocol.</summary>
    public bool IsApplicationError { get; init; }

    /// <summary>
    /// Whether the same may succeed when it is tried again, at once or later. Not if settings of the two ends differ or one did
    /// not accept who the other is, and not after this side's own <see cref="TransportError.ConnectionClosed"/>.
    /// </summary>
    public bool IsTransient => Error switch
    {
        TransportError.ConnectionClosed or TransportError.AddressUnavailable or TransportError.ConnectionReplaced => false,
        TransportError.ProtocolViolation => !IsApplicationError && ErrorCode is InternalError or AeadLimitReached or NoViablePath,
        _ => true,
    };

    /// <summary>Code that an application brought (a cipher, a codec, a congestion controller) threw.</summary>
    internal static TransportException OfLayer(Exception error) =>
        new(TransportError.LinkFailed, $"A layer of the connection failed: {error.Message}", error);

    /// <summary>A code for people, to stand after a reason; empty for none.</summary>
    internal static string CodeText(long? code, bool isApplicationError) => code switch
    {
        null => "",
        { } own when isApplicationError => string.Create(CultureInfo.InvariantCulture, $" (application error {own})"),
        >= FirstAlert and <= LastAlert => string.Create(CultureInfo.InvariantCulture, $" (TLS alert {code - FirstAlert})"),
        _ => $" (QUIC error 0x{code:x})",
    };

    /// <summary>Whether a code of QUIC carries an alert of TLS: the handshake failed.</summary>
    internal static bool IsAlert(long? code) => code is >= FirstAlert and <= LastAlert;

    /// <summary>The same for another throw: each has a stack of its own.</summary>
    internal TransportException Clone() => new(Error, Message, InnerException)
    {
        IsByPeer = IsByPeer,
        ErrorCode = ErrorCode,
        IsApplicationError = IsApplicationError,
    };
}

/// <summary>Why a connection or a stream failed.</summary>
public enum TransportError
{
    /// <summary>The remote name could not be resolved, or no socket could be opened toward it.</summary>
    ConnectFailed,

    /// <summary>The listening address is in use or not available.</summary>
    AddressUnavailable,

    /// <summary>
    /// Data stayed unacknowledged although it was sent again and again, or the handshake had no end in time: the path or the peer
    /// is gone.
    /// </summary>
    DeadLink,

    /// <summary>Nothing was heard of the peer for the profile's keep-alive or idle timeout.</summary>
    IdleTimeout,

    /// <summary>
    /// One end broke the protocol, their settings differ (version, compression, application protocol), or one did not accept who
    /// the other is.
    /// </summary>
    ProtocolViolation,

    /// <summary>The peer gave the stream up.</summary>
    StreamReset,

    /// <summary>The peer closed the stream; what is written to it can no longer be delivered.</summary>
    StreamClosedByPeer,

    /// <summary>The connection, or the listener, was closed on this side.</summary>
    ConnectionClosed,

    /// <summary>No more streams can be opened on this connection: open another one.</summary>
    StreamLimit,

    /// <summary>
    /// The link below failed or was closed, or a layer that the application brought (a cipher, a codec) threw.
    /// </summary>
    LinkFailed,

    /// <summary>The peer began a new connection from the same address and port: it was restarted.</summary>
    ConnectionReplaced,

    /// <summary>The peer closed the connection and said so.</summary>
    ClosedByPeer,

    /// <summary>The peer takes no more connections at present.</summary>
    ConnectionRefused,

    /// <summary>
    /// The peer does not know the connection any more: it was restarted, or this side's address changed on the way. A new
    /// connection works.
    /// </summary>
    ForgottenByPeer,

    /// <summary>
    /// The path swallows long datagrams, while shorter ones arrive: try a lower <see cref="Causeway.Protocol.TransportProfile.Mtu"/>.
    /// </summary>
    PathTooNarrow,
}
