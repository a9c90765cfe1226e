using System.Text;
using Causeway.Kcptun.Configuration;

namespace Causeway.Kcptun.Tests.Configuration;

public sealed class ConfigFuzzTests
{
    private const string Json =
        """
        {"listen": ":29900-29910", "target": "/run/x", "key": "s\u00e9cret \ud83d\ude00", "crypt": "aes", "mtu": 1350,
         "nocomp": true, "x": [1, {"y": null}], "qpp-count": 61, "ratelimit": -1}
        """;

    private static readonly string[] s_pieces =
    [
        "--mtu", "1350", "-l", ":1", "--nocomp", "=true", "--QPP=", "--", "-c", "-", "", "--key=\ud800", "-r", "h:1-2", "[::1]:9",
        "--ds", "99999999999999999999", "-1", "--mode=\n", "--tcp", "--interval=0", "--", "--conn", "--snmpperiod", "\0", "-t", "/x:y",
    ];

    [Fact]
    public void OnlyItsOwnExceptionComesOutOfTheJsonParser()
    {
        Random random = new(21);
        byte[] original = Encoding.UTF8.GetBytes(Json);
        int refused = 0;
        for (int round = 0; round < 100_000; round++)
        {
            byte[] json = original[..(random.Next(20) == 0 ? random.Next(original.Length) : original.Length)];
            for (int flips = random.Next(1, 6); flips > 0 && json.Length > 0; flips--)
            {
                json[random.Next(json.Length)] = random.Next(3) == 0 ? (byte)random.Next(256) : original[random.Next(original.Length)];
            }

            try
            {
                KcptunServerConfig.Parse(json);
            }
            catch (KcptunConfigException e)
            {
                refused++;
                Assert.False(e.Message.AsSpan().ContainsAny('\n', '\r'), $"round {round}");
            }
        }

        Assert.InRange(refused, 30_000, 99_000);
    }

    [Fact]
    public void OnlyItsOwnExceptionComesOutOfTheFlagParser()
    {
        Random random = new(22);
        int refused = 0;
        string[] args = new string[5];
        for (int round = 0; round < 100_000; round++)
        {
            Span<string> some = args.AsSpan(0, random.Next(args.Length + 1));
            foreach (ref string arg in some)
            {
                arg = s_pieces[random.Next(s_pieces.Length)];
                if (random.Next(3) == 0 && arg.Length > 0)
                {
                    arg = arg.Remove(random.Next(arg.Length), 1) + (char)random.Next(128);
                }
            }

            try
            {
                KcptunClientConfig.ParseFlags(some);
            }
            catch (KcptunConfigException e)
            {
                refused++;
                Assert.False(e.Message.AsSpan().ContainsAny('\n', '\r'), $"round {round}");
            }
        }

        Assert.InRange(refused, 30_000, 99_000);
    }
}
