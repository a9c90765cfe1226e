using Causeway.Quic;

namespace Causeway.AspNetCore;

/// <summary>How Kestrel's HTTP/3 runs over Causeway. The names are those of Kestrel's own QUIC transport where the thing is the same.</summary>
public sealed class CausewayTransportOptions
{
    // Codes of HTTP/3 (RFC 9114, 8.1).
    private const long NoError = 0x100;
    private const long RequestCancelled = 0x10c;
    private const long MaxErrorCode = (1L << 62) - 1;
    private const int MaxStreams = 65535;

    /// <summary>Bidirectional streams, which are requests, that a client may have open at once; 1 to 65535. Default 100.</summary>
    public int MaxBidirectionalStreamCount { get; set; } = 100;

    /// <summary>
    /// Unidirectional streams that a client may have open at once; 1 to 65535. Default 10. HTTP/3 needs three (RFC 9114, 6.2).
    /// </summary>
    public int MaxUnidirectionalStreamCount { get; set; } = 10;

    /// <summary>Connections that may wait until Kestrel takes them, 1 to 65535; more are refused. Default 512.</summary>
    public int Backlog { get; set; } = 512;

    /// <summary>
    /// Connections that may be open at a time, handshakes included, at least 1; more are refused before the handshake. Default 65536.
    /// Kestrel's own <c>MaxConcurrentConnections</c> takes effect after it.
    /// </summary>
    public int MaxConnections { get; set; } = 65536;

    /// <summary>
    /// The code with which a stream is given up where Kestrel names none; 0 to 2^62 - 1. Default 0x10c, H3_REQUEST_CANCELLED.
    /// </summary>
    public long DefaultStreamErrorCode { get; set; } = RequestCancelled;

    /// <summary>
    /// The code with which a connection is closed where Kestrel names none; 0 to 2^62 - 1. Default 0x100, H3_NO_ERROR.
    /// </summary>
    public long DefaultCloseErrorCode { get; set; } = NoError;

    /// <summary>
    /// How long closing a connection waits for the client to acknowledge what was sent. Default 5 seconds. A client that is there
    /// answers within a round trip; this is for those that are gone.
    /// </summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Changes the QUIC profile of every listener: timeouts, congestion control, qlog, memory. It is given one with the settings above,
    /// and with Kestrel's certificates as its <see cref="QuicProfile.ServerAuthentication"/>. Default null.
    /// </summary>
    public Func<QuicProfile, QuicProfile>? ConfigureProfile { get; set; }

    /// <summary>Changes the options of every listener: socket buffers, shards, middleware on the datagram path. Default null.</summary>
    public Func<CausewayListenerOptions, CausewayListenerOptions>? ConfigureListener { get; set; }

    /// <summary>Throws if a value cannot work, naming it.</summary>
    internal void Validate()
    {
        Check(MaxBidirectionalStreamCount, 1, MaxStreams, nameof(MaxBidirectionalStreamCount));
        Check(MaxUnidirectionalStreamCount, 1, MaxStreams, nameof(MaxUnidirectionalStreamCount));
        Check(Backlog, 1, MaxStreams, nameof(Backlog));
        Check(MaxConnections, 1, int.MaxValue, nameof(MaxConnections));
        Check(DefaultStreamErrorCode, 0, MaxErrorCode, nameof(DefaultStreamErrorCode));
        Check(DefaultCloseErrorCode, 0, MaxErrorCode, nameof(DefaultCloseErrorCode));
        if (CloseTimeout < TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(CloseTimeout), CloseTimeout, "CloseTimeout must not be negative.");
        }
    }

    private static void Check(long value, long least, long most, string name)
    {
        if (value < least || value > most)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be from {least} to {most}.");
        }
    }
}
