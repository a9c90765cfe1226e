namespace Causeway.Kcptun.Configuration;

/// <summary>Reads a command line in the manner of Go's flag package (docs/wire/kcptun.md 10.7).</summary>
internal static class ConfigFlags
{
    public static KcptunCommand Apply(ref KcptunConfig config, ReadOnlySpan<string> args, string? environmentKey)
    {
        // An empty variable is one that is not set: it must not make an empty key.
        if (!string.IsNullOrEmpty(environmentKey))
        {
            config = config with { Key = environmentKey };
        }

        string? file = null;
        for (int i = 0; i < args.Length; i++)
        {
            string arg = args[i];
            if (arg == "--" && i == args.Length - 1)
            {
                break;
            }

            if (arg.Length < 2 || arg[0] != '-' || arg == "--")
            {
                throw new KcptunConfigException(
                    $"unexpected argument {KcptunConfigException.Quote(arg)}; options start with a dash");
            }

            string name = arg[(arg[1] == '-' ? 2 : 1)..];
            int equals = name.IndexOf('=', StringComparison.Ordinal);
            string? value = equals < 0 ? null : name[(equals + 1)..];
            name = equals < 0 ? name : name[..equals];
            switch (name)
            {
                case "help" or "h":
                    return KcptunCommand.Help;
                case "version" or "v":
                    return KcptunCommand.Version;
                case "c":
                    file = value ?? Next(args, ref i, name);
                    continue;
            }

            ConfigOption option = Find(config.Options, name)
                ?? throw Unknown(config.Options, name);
            value ??= option.IsSwitch ? "true" : Next(args, ref i, name);
            if (!option.TrySet(ref config, value))
            {
                throw new KcptunConfigException(
                    $"option {name} is {KcptunConfigException.Quote(value)}; expected {option.Expected}");
            }
        }

        if (file is not null)
        {
            config = ConfigJson.Apply(config, ConfigJson.ReadFile(file), file);
        }

        return KcptunCommand.Run;
    }

    private static ConfigOption? Find(IReadOnlyList<ConfigOption> options, string name) =>
        options.FirstOrDefault(option => option.Flags.Contains(name));

    private static KcptunConfigException Unknown(IReadOnlyList<ConfigOption> options, string name)
    {
        string? meant = OptionNames.Nearest(name, options.SelectMany(static option => option.Flags));
        string advice = meant is null ? "see --help" : $"did you mean {KcptunConfigException.Quote(meant)}? See --help";
        return new KcptunConfigException($"unknown option {KcptunConfigException.Quote(name)}; {advice}");
    }

    private static string Next(ReadOnlySpan<string> args, ref int index, string name)
    {
        index++;
        return index < args.Length
            ? args[index]
            : throw new KcptunConfigException($"option {name} needs a value");
    }
}
