using System.Globalization;

namespace Causeway.Kcptun.Configuration;

/// <summary>The configuration of kcptun's client: it accepts local connections and carries them to a server.</summary>
public sealed record KcptunClientConfig : KcptunConfig
{
    /// <summary>Makes the default configuration, which lacks a server.</summary>
    public KcptunClientConfig()
        : base(sendWindow: 128, receiveWindow: 512, closeWait: 0)
    {
    }

    /// <summary>The text that <c>--help</c> prints.</summary>
    public static string Help => ConfigHelp.Make("client", ConfigOptions.Client, new KcptunClientConfig());

    /// <summary>
    /// Where to accept connections: <c>host:port</c>, or the path of a Unix socket. Default: <c>:12948</c>.
    /// </summary>
    public string LocalAddress { get; init; } = ":12948";

    /// <summary>The server: <c>host:port</c> or <c>host:min-max</c>. Default: <c>vps:29900</c>.</summary>
    public string RemoteAddress { get; init; } = "vps:29900";

    /// <summary>Sessions to the server, used in turn, 1 to 65535. Default: 1.</summary>
    public int Connections { get; init; } = 1;

    /// <summary>
    /// Seconds after which a session gets no new connection and is replaced; 0 for never. Default: 0.
    /// </summary>
    public int AutoExpire { get; init; }

    /// <summary>Seconds that a replaced session may live on before it is closed. Default: 600.</summary>
    public int ScavengeTtl { get; init; } = 600;

    internal override IReadOnlyList<ConfigOption> Options => ConfigOptions.Client;

    /// <summary>Reads a JSON file over the defaults and validates the result.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="KcptunConfigException">The file cannot be read, or an option in it cannot be used.</exception>
    public static KcptunClientConfig Load(string path) => Parse(ConfigJson.ReadFile(path), path);

    /// <summary>Reads JSON over the defaults and validates the result.</summary>
    /// <param name="json">
    /// An object in UTF-8. Keys are found without regard to case; of an unknown one <see cref="KcptunConfig.Warnings"/> has a
    /// line, and one that may be a misspelt <c>key</c>, <c>crypt</c> or <c>qpp</c> is refused, but see
    /// <see cref="KcptunConfig.Compat"/>. Keys that begin with <c>_</c>, <c>#</c>, <c>$</c> or <c>/</c> are remarks.
    /// </param>
    /// <param name="source">The name that messages give it, such as the file's.</param>
    /// <exception cref="KcptunConfigException">The text is not JSON, or an option in it cannot be used.</exception>
    public static KcptunClientConfig Parse(ReadOnlySpan<byte> json, string source = "configuration") =>
        ((KcptunClientConfig)ConfigJson.Apply(new KcptunClientConfig(), json, source)).Validated();

    /// <summary>Reads a command line: flags first, then the file of <c>-c</c> over them.</summary>
    /// <param name="args">The arguments without the program's name.</param>
    /// <param name="environmentKey">
    /// The environment variable <c>KCPTUN_KEY</c>, which <c>--key</c> and the file override.
    /// </param>
    /// <exception cref="KcptunConfigException">An option is unknown or cannot be used.</exception>
    public static KcptunCommandLine<KcptunClientConfig> ParseFlags(
        ReadOnlySpan<string> args, string? environmentKey = null)
    {
        KcptunConfig config = new KcptunClientConfig();
        KcptunCommand command = ConfigFlags.Apply(ref config, args, environmentKey);
        return new(command, command == KcptunCommand.Run ? ((KcptunClientConfig)config).Validated() : null);
    }

    /// <summary>Checks every option, applies <see cref="KcptunConfig.Mode"/> and collects warnings.</summary>
    /// <exception cref="KcptunConfigException">An option cannot be used.</exception>
    public KcptunClientConfig Validated()
    {
        EndpointRange.Parse(RemoteAddress, "remoteaddr");
        StreamAddress.Parse(LocalAddress, "localaddr");
        List<string> warnings = [];
        if (AutoExpire > 0 && ScavengeTtl > AutoExpire)
        {
            warnings.Add($"scavengettl is {ScavengeTtl}, more than autoexpire, which is {AutoExpire}: they pile up");
        }

        return (KcptunClientConfig)ValidatedCommon(warnings);
    }

    /// <summary>The lines that the reference logs when it starts, in its order (docs/wire/kcptun.md 10.8).</summary>
    /// <param name="version">The program's version.</param>
    /// <param name="listening">The address that the listener is bound to.</param>
    public IEnumerable<string> StartupLines(string version, string listening)
    {
        yield return $"version: {version}";
        yield return $"smux version: {SmuxVersion.ToString(CultureInfo.InvariantCulture)}";
        yield return $"listening on: {listening}";
        foreach (string line in StartupLog.Ciphers(this))
        {
            yield return line;
        }

        yield return $"remote address: {RemoteAddress}";
        foreach (string line in StartupLog.Transport(this))
        {
            yield return line;
        }

        yield return string.Create(CultureInfo.InvariantCulture, $"conn: {Connections}");
        yield return string.Create(CultureInfo.InvariantCulture, $"autoexpire: {AutoExpire}");
        yield return string.Create(CultureInfo.InvariantCulture, $"scavengettl: {ScavengeTtl}");
        foreach (string line in StartupLog.Snmp(this))
        {
            yield return line;
        }

        yield return $"quiet: {StartupLog.Show(Quiet)}";
        yield return $"tcp: {StartupLog.Show(Tcp)}";
        yield return $"pprof: {StartupLog.Show(Pprof)}";
    }
}
