using Causeway.Kcptun.Configuration;

namespace Causeway.Benchmarks.Harness;

/// <summary>What both ends of every tunnel of one comparison are told, as kcptun's flags.</summary>
internal sealed record TunnelSettings
{
    /// <summary>Lines for the help of commands that start tunnels.</summary>
    public const string Help = """
          --crypt NAME          cipher of both (aes)
          --fec DS,PS           shards, 0,0 for none (0,0)
          --window N            sndwnd and rcvwnd, in packets (2048)
          --mode NAME           kcptun's latency mode (fast3)
          --own                 leave shards, windows and mode to each program and its own arguments
          --smuxver N           (2)
        """;

    public string Crypt { get; init; } = "aes";

    public int DataShards { get; init; }

    public int ParityShards { get; init; }

    public int Window { get; init; } = 2048;

    public string Mode { get; init; } = "fast3";

    public int SmuxVersion { get; init; } = 2;

    /// <summary>Whether shards, windows and mode are each program's own.</summary>
    public bool IsOwn { get; init; }

    /// <summary>More arguments for the client.</summary>
    public string[] MoreForClient { get; init; } = [];

    /// <summary>The shards as scenarios name them.</summary>
    public string Fec => IsOwn ? "own" : $"{DataShards}+{ParityShards}";

    /// <summary>The window as scenarios name it.</summary>
    public string WindowName => IsOwn ? "own" : $"{Window}";

    public string[] Arguments =>
    [
        "--crypt", Crypt, "--nocomp", "--smuxver", $"{SmuxVersion}", "--quiet",
        .. IsOwn ? (string[])[] :
        [
            "--mode", Mode, "--ds", $"{DataShards}", "--ps", $"{ParityShards}", "--sndwnd", $"{Window}", "--rcvwnd", $"{Window}",
        ],
    ];

    /// <summary>The same for an end in this process; client and server need no different settings.</summary>
    public KcptunServerConfig ToConfig(string key)
    {
        KcptunServerConfig config = new() { Key = key, Crypt = Crypt, NoCompression = true, SmuxVersion = SmuxVersion };
        return IsOwn
            ? config
            : config with
            {
                DataShards = DataShards,
                ParityShards = ParityShards,
                Mode = Mode,
                SendWindow = Window,
                ReceiveWindow = Window,
            };
    }

    /// <exception cref="UsageException">A value cannot be used.</exception>
    public static TunnelSettings From(CommandOptions options)
    {
        int[] shards = options.Integers("fec", "0,0", 0, 255);
        return shards.Length == 2
            ? new TunnelSettings
            {
                Crypt = options.Text("crypt", "aes"),
                DataShards = shards[0],
                ParityShards = shards[1],
                Window = options.Integer("window", 2048, 1, 65535),
                Mode = options.Text("mode", "fast3"),
                SmuxVersion = options.Integer("smuxver", 2, 1, 2),
                IsOwn = options.Has("own"),
            }
            : throw new UsageException("--fec takes two numbers, DS,PS");
    }
}
