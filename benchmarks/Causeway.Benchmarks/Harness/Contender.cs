namespace Causeway.Benchmarks.Harness;

/// <summary>A pair of programs that take kcptun's flags.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Client">Program and first arguments of the client.</param>
/// <param name="Server">Program and first arguments of the server.</param>
/// <param name="Arguments">Arguments of its own for both ends.</param>
internal sealed record Contender(string Name, string[] Client, string[] Server, string[] Arguments)
{
    public const string OurName = "causeway";

    /// <summary>Lines for the help of commands that start tunnels.</summary>
    public const string Help = """
          --causeway FILE       our forwarder, a program or a DLL (artifacts/bin/PortForwarder/release/causeway-cli.dll)
          --ours ARGS           more arguments for both ends of ours; "NAME: ARGS" adds a program of that name; may be repeated
          --peer PAIR           another implementation's programs, CLIENT,SERVER or NAME:CLIENT,SERVER; may be repeated;
                                none to leave it out (kcptun:kcptun-client,kcptun-server)
          --peer-args ARGS      more arguments for both ends of every peer
        """;

    /// <summary>Whom the options name: ours first, which is what the others are compared with.</summary>
    /// <exception cref="UsageException">An option names no program, or one that is not there.</exception>
    public static List<Contender> From(CommandOptions options)
    {
        string forwarder = options.Text("causeway", Path.Combine("artifacts", "bin", "PortForwarder", "release", "causeway-cli.dll"));
        if (!File.Exists(forwarder))
        {
            throw new UsageException($"{forwarder} is not there; build samples/PortForwarder in Release, or say --causeway");
        }

        string[] start = Path.GetExtension(forwarder) == ".dll" ? ["dotnet", "exec", forwarder] : [forwarder];
        List<Contender> all = [];
        foreach (string value in options.All("ours") is { Count: > 0 } variants ? variants : [""])
        {
            (string name, string arguments) = SplitName(value, ": ", OurName);
            all.Add(new Contender(name, [.. start, "kcptun", "client"], [.. start, "kcptun", "server"], Words(arguments)));
        }

        foreach (string value in options.All("peer") is { Count: > 0 } peers ? peers : ["kcptun:kcptun-client,kcptun-server"])
        {
            if (value == "none")
            {
                continue;
            }

            (string name, string pair) = SplitName(value, ":", "peer");
            if (pair.Split(',') is not [string client, string server])
            {
                throw new UsageException($"--peer takes CLIENT,SERVER, not '{value}'");
            }

            all.Add(new Contender(name, [Found(client)], [Found(server)], Words(options.Text("peer-args", ""))));
        }

        return all.Select(static program => program.Name).Distinct().Count() == all.Count
            ? all
            : throw new UsageException("two programs have the same name; give names with --ours \"NAME: ARGS\" or --peer NAME:CLIENT,SERVER");
    }

    private static (string Name, string Value) SplitName(string value, string separator, string fallback)
    {
        int end = value.IndexOf(separator, StringComparison.Ordinal);
        return end > 0 && !value.StartsWith('-') ? (value[..end].Trim(), value[(end + separator.Length)..]) : (fallback, value);
    }

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static string Found(string program)
    {
        IEnumerable<string> places = program.Contains('/', StringComparison.Ordinal)
            ? [program]
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(directory => Path.Combine(directory, program));
        return places.FirstOrDefault(File.Exists)
            ?? throw new UsageException($"'{program}' is not there; name another with --peer, or say --peer none");
    }
}
