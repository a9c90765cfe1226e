using System.Globalization;

namespace Causeway.Kcptun.Configuration;

/// <summary>The configuration of kcptun's server: it accepts sessions and connects their streams to a target.</summary>
public sealed record KcptunServerConfig : KcptunConfig
{
    /// <summary>Makes the default configuration.</summary>
    public KcptunServerConfig()
        : base(sendWindow: 1024, receiveWindow: 1024, closeWait: 30)
    {
    }

    /// <summary>The text that <c>--help</c> prints.</summary>
    public static string Help => ConfigHelp.Make("server", ConfigOptions.Server, new KcptunServerConfig());

    /// <summary>
    /// Where to listen: <c>:port</c>, <c>host:port</c> or <c>host:min-max</c>. Default: <c>:29900</c>.
    /// </summary>
    public string Listen { get; init; } = ":29900";

    /// <summary>
    /// Where to forward to: <c>host:port</c>, or the path of a Unix socket. Default: <c>127.0.0.1:12948</c>.
    /// </summary>
    public string Target { get; init; } = "127.0.0.1:12948";

    /// <summary>
    /// Sockets that share each port, 0 to 256, each with the work of its clients on a processor of its own; 0 for as many as there
    /// are processors. For many clients, on Linux; see <see cref="CausewayListenerOptions.Shards"/>. kcptun has no such option.
    /// Default: 1.
    /// </summary>
    public int Shards { get; init; } = 1;

    /// <summary>
    /// Sessions that may be open at a time on each port, 0 to 1048576; see <see cref="CausewayListenerOptions.MaxConnections"/>. 0, the
    /// default, leaves it to the program: for the command, as many as the process may have files open, at most 65536. kcptun
    /// has no such option.
    /// </summary>
    public int MaxConnections { get; init; }

    internal override IReadOnlyList<ConfigOption> Options => ConfigOptions.Server;

    /// <summary>Reads a JSON file over the defaults and validates the result.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="KcptunConfigException">The file cannot be read, or an option in it cannot be used.</exception>
    public static KcptunServerConfig Load(string path) => Parse(ConfigJson.ReadFile(path), path);

    /// <summary>Reads JSON over the defaults and validates the result.</summary>
    /// <param name="json">
    /// An object in UTF-8. Keys are found without regard to case; of an unknown one <see cref="KcptunConfig.Warnings"/> has a
    /// line, and one that may be a misspelt <c>key</c>, <c>crypt</c> or <c>qpp</c> is refused, but see
    /// <see cref="KcptunConfig.Compat"/>. Keys that begin with <c>_</c>, <c>#</c>, <c>$</c> or <c>/</c> are remarks.
    /// </param>
    /// <param name="source">The name that messages give it, such as the file's.</param>
    /// <exception cref="KcptunConfigException">The text is not JSON, or an option in it cannot be used.</exception>
    public static KcptunServerConfig Parse(ReadOnlySpan<byte> json, string source = "configuration") =>
        ((KcptunServerConfig)ConfigJson.Apply(new KcptunServerConfig(), json, source)).Validated();

    /// <summary>Reads a command line: flags first, then the file of <c>-c</c> over them.</summary>
    /// <param name="args">The arguments without the program's name.</param>
    /// <param name="environmentKey">
    /// The environment variable <c>KCPTUN_KEY</c>, which <c>--key</c> and the file override.
    /// </param>
    /// <exception cref="KcptunConfigException">An option is unknown or cannot be used.</exception>
    public static KcptunCommandLine<KcptunServerConfig> ParseFlags(
        ReadOnlySpan<string> args, string? environmentKey = null)
    {
        KcptunConfig config = new KcptunServerConfig();
        KcptunCommand command = ConfigFlags.Apply(ref config, args, environmentKey);
        return new(command, command == KcptunCommand.Run ? ((KcptunServerConfig)config).Validated() : null);
    }

    /// <summary>Checks every option, applies <see cref="KcptunConfig.Mode"/> and collects warnings.</summary>
    /// <exception cref="KcptunConfigException">An option cannot be used.</exception>
    public KcptunServerConfig Validated()
    {
        EndpointRange.Parse(Listen, "listen");
        StreamAddress.Parse(Target, "target");
        return (KcptunServerConfig)ValidatedCommon([]);
    }

    /// <summary>The lines that the reference logs when it starts, in its order (docs/wire/kcptun.md 10.8).</summary>
    /// <param name="version">The program's version.</param>
    public IEnumerable<string> StartupLines(string version)
    {
        yield return $"version: {version}";
        yield return $"smux version: {SmuxVersion.ToString(CultureInfo.InvariantCulture)}";
        yield return $"listening on: {Listen}";
        yield return $"target: {Target}";
        foreach (string line in (string[])
            [.. StartupLog.Ciphers(this), .. StartupLog.Transport(this), .. StartupLog.Snmp(this)])
        {
            yield return line;
        }

        yield return $"pprof: {StartupLog.Show(Pprof)}";
        yield return $"quiet: {StartupLog.Show(Quiet)}";
        yield return $"tcp: {StartupLog.Show(Tcp)}";
    }
}
