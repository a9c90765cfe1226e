namespace Causeway.Kcptun.Configuration;

/// <summary>What a command line asks for.</summary>
public enum KcptunCommand
{
    /// <summary>To run with the configuration.</summary>
    Run,

    /// <summary>To print the help text and end (<c>--help</c>, <c>-h</c>).</summary>
    Help,

    /// <summary>To print the version and end (<c>--version</c>, <c>-v</c>).</summary>
    Version,
}

/// <summary>A command line that was read.</summary>
/// <typeparam name="TConfig">The side's configuration.</typeparam>
/// <param name="Command">What it asks for.</param>
/// <param name="Config">
/// The validated configuration; null unless <paramref name="Command"/> is <see cref="KcptunCommand.Run"/>.
/// </param>
public sealed record KcptunCommandLine<TConfig>(KcptunCommand Command, TConfig? Config)
    where TConfig : KcptunConfig;
