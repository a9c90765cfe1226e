using Causeway.Kcptun.Configuration;

namespace Causeway.Fuzz;

/// <summary>A configuration file. Whatever is in it, there is a configuration or an error that names the place.</summary>
internal static class JsonTarget
{
    public static IReadOnlyList<byte[]> Seeds() =>
    [
        """{"listen": ":29900-29910", "target": "127.0.0.1:80", "key": "k", "crypt": "aes", "mode": "fast3", "mtu": 1350}"""u8.ToArray(),
        """{"datashard": 10, "parityshard": 3, "nocomp": true, "smuxver": 2, "streambuf": 2097152, "ratelimit": 0}"""u8.ToArray(),
    ];

    public static void Run(byte[] input)
    {
        try
        {
            KcptunServerConfig.Parse(input, "fuzz");
        }
        catch (KcptunConfigException)
        {
            // Refused with a reason.
        }
    }
}
