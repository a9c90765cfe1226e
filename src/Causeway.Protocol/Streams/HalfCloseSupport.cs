namespace Causeway.Protocol.Streams;

/// <summary>
/// Whether the end of a stream's one direction leaves the other open. See <c>docs/design/half-close.md</c>.
/// </summary>
public enum HalfCloseSupport
{
    /// <summary>The peer has not shown it yet.</summary>
    Unknown,

    /// <summary>No: for the peer, an end is the end of both directions (docs/wire/kcptun.md 7.7).</summary>
    Unsupported,

    /// <summary>Yes: each direction ends by itself, and a stream can be reset.</summary>
    Supported,
}
