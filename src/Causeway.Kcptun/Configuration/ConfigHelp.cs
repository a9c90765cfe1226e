using System.Text;

namespace Causeway.Kcptun.Configuration;

/// <summary>Lays out <c>--help</c> from the options.</summary>
internal static class ConfigHelp
{
    public static string Make(string side, IReadOnlyList<ConfigOption> options, KcptunConfig defaults)
    {
        List<(string Flags, string Help)> rows = [];
        foreach (ConfigOption option in options)
        {
            string value = option.IsSwitch ? "" : " value";
            string flags = string.Join(", ", option.Flags.Select(flag => Dashes(flag) + flag + value));
            rows.Add((flags, option.IsSwitch ? option.Help : $"{option.Help} (default: {option.Show(defaults)})"));
        }

        rows.Add(("-c value", "JSON file whose keys override the flags"));
        rows.Add(("--help, -h", "show this text"));
        rows.Add(("--version, -v", "show the version"));
        int width = rows.Max(static row => row.Flags.Length);
        StringBuilder text = new();
        text.Append("kcptun-compatible ").Append(side).Append('\n');
        text.Append("\nOptions, with one dash or two, as --mtu 1350 or --mtu=1350:\n");
        foreach ((string flags, string help) in rows)
        {
            text.Append("   ").Append(flags.PadRight(width)).Append("  ").Append(help).Append('\n');
        }

        return text.ToString();
    }

    private static string Dashes(string flag) => flag.Length == 1 ? "-" : "--";
}
