namespace Causeway.Links;

/// <summary>What a link, with everything below it, can do.</summary>
public sealed record DatagramLinkCapabilities
{
    /// <summary>
    /// The largest payload in bytes that the caller may pass to a send; decorators subtract what they add.
    /// </summary>
    public required int MaxDatagramSize { get; init; }

    /// <summary>Bytes in front of a payload that the link needs free in each buffer sent.</summary>
    public int Headroom { get; init; }

    /// <summary>Bytes behind a payload that the link needs free in each buffer sent.</summary>
    public int Tailroom { get; init; }

    /// <summary>How many datagrams one call moves at best; more are taken, in several system calls.</summary>
    public int PreferredBatch { get; init; } = 64;
}
