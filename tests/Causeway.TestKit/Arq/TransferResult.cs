using System.Globalization;

namespace Causeway.TestKit;

/// <summary>How a transfer between two endpoints went.</summary>
public sealed record TransferResult
{
    /// <summary>
    /// Whether every byte was read, once and in order, and acknowledged, in both directions; otherwise a session gave up.
    /// </summary>
    public required bool IsComplete { get; init; }

    /// <summary>Virtual time from the start until the last byte was read, or the session gave up.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Payload bytes read, both directions.</summary>
    public required long PayloadBytes { get; init; }

    /// <summary>Payload bytes of datagrams sent, both directions, without IP and UDP headers.</summary>
    public required long WireBytes { get; init; }

    /// <summary>A hash of everything that happened in the network since it was made.</summary>
    public required ulong Fingerprint { get; init; }

    /// <summary>Payload bits a second, both directions.</summary>
    public double Goodput => PayloadBytes * 8 / Elapsed.TotalSeconds;

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(IsComplete ? "complete" : "failed")} in {Elapsed.TotalSeconds:F3} s, {Goodput / 1e6:F3} Mbit/s, #{Fingerprint:X16}");
}
