namespace Causeway.Http3;

/// <summary>What one end of an HTTP/3 connection accepts and asks for.</summary>
public sealed record Http3Limits
{
    /// <summary>
    /// The largest header or trailer section that is accepted, in bytes as RFC 9114, 4.2.2 counts them: 32 for each field
    /// beside its name and value. Sent as SETTINGS_MAX_FIELD_SECTION_SIZE. A server answers 431 to a larger one. From 512 to
    /// 16 MiB. Default 65,536; each open request may hold as much.
    /// </summary>
    public int MaxFieldSectionSize { get; init; } = 64 * 1024;

    /// <summary>
    /// The most requests at a time: a client waits for one to end, a server rejects more with H3_REQUEST_REJECTED. At least 1.
    /// Default 256.
    /// </summary>
    public int MaxConcurrentRequests { get; init; } = 256;

    /// <summary>
    /// Whether reserved settings, frames and streams are sent (RFC 9114, 6.2.3, 7.2.4.1 and 7.2.8), which keep peers tolerant of
    /// what they do not know. Default true.
    /// </summary>
    public bool SendReserved { get; init; } = true;

    /// <exception cref="ArgumentOutOfRangeException">A limit is out of its range; the message names it.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxFieldSectionSize, 512, nameof(MaxFieldSectionSize));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxFieldSectionSize, 16 << 20, nameof(MaxFieldSectionSize));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConcurrentRequests, 1, nameof(MaxConcurrentRequests));
    }
}
