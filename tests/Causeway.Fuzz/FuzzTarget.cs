namespace Causeway.Fuzz;

/// <summary>One piece of code that takes bytes of a stranger.</summary>
/// <param name="Name">How the command line calls it.</param>
/// <param name="Seeds">Valid inputs to begin with.</param>
/// <param name="Run">Takes one input. To throw is to fail.</param>
internal sealed record FuzzTarget(string Name, Func<IReadOnlyList<byte[]>> Seeds, Action<byte[]> Run)
{
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("crypt", CryptTarget.Seeds, CryptTarget.Run),
        new("session", SessionTarget.Seeds, SessionTarget.Run),
        new("snappy", SnappyTarget.Seeds, SnappyTarget.Run),
        new("json", JsonTarget.Seeds, JsonTarget.Run),
        new("quic", QuicTarget.Seeds, QuicTarget.Run),
    ];
}
