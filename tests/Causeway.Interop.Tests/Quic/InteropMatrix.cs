using System.Text;
using Xunit.Sdk;

namespace Causeway.Interop.Tests.Quic;

/// <summary>
/// The cases, the reasons of cells that have no test, and the table of both in docs/interop.md. With the environment variable
/// <c>CAUSEWAY_UPDATE_INTEROP=1</c> the table is written anew while the tests run.
/// </summary>
internal static class InteropMatrix
{
    public const string UpdateVariable = "CAUSEWAY_UPDATE_INTEROP";

    public const string Pass = "pass";

    private const string Begin = "<!-- The table between these two lines is written by the tests. -->";
    private const string End = "<!-- End of the table. -->";

    private static readonly Lock s_lock = new();
    private static readonly Dictionary<(string Case, QuicPair Pair), string> s_results = [];

    /// <summary>Names in the order of the table.</summary>
    public static IReadOnlyList<string> Cases { get; } =
    [
        "handshake", "transfer", "longrtt", "chacha20", "multiplexing", "retry", "resumption", "zerortt", "http3", "blackhole",
        "keyupdate", "ecn", "amplificationlimit", "handshakeloss", "transferloss", "handshakecorruption", "transfercorruption",
        "ipv6", "v2", "rebind-port", "rebind-addr", "connectionmigration",
    ];

    public static string DocumentFile => Path.Combine(QuicPrograms.ProjectFolder(), "..", "..", "docs", "interop.md");

    /// <summary>Why a cell has no test; null if it has one.</summary>
    public static string? ReasonOf(string name, QuicPair pair) => (name, pair) switch
    {
        ("http3", _) when pair.IsQuiche() => "the package has no HTTP/3",
        ("resumption" or "zerortt", QuicPair.QuicheToCauseway) => "the package keeps no sessions",
        ("resumption" or "zerortt", QuicPair.CausewayToQuiche) => "the package makes new ticket keys for each connection",
        ("ecn", _) when pair.IsQuiche() => "Node.js has no ECN",
        ("amplificationlimit", QuicPair.CausewayToQuiche) => "proves every address by Retry",
        ("v2", _) when pair.IsNgtcp2() => "knows only a draft's number",
        ("v2", _) when pair.IsQuiche() => "knows only v1",
        ("connectionmigration", QuicPair.QuicheToCauseway) => "the package cannot change its address",
        ("connectionmigration", QuicPair.CausewayToQuiche) => "quiche announces no preferred address",
        _ => null,
    };

    /// <summary>Notes what a test of a cell found.</summary>
    public static void Record(string name, QuicPair pair, bool isPass)
    {
        lock (s_lock)
        {
            // Several tests may fill one cell; it is a pass if all of them are.
            bool isStillPass = isPass && s_results.GetValueOrDefault((name, pair), Pass) == Pass;
            s_results[(name, pair)] = isStillPass ? Pass : "**fails**";
            if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
            {
                File.WriteAllText(DocumentFile, Replaced(File.ReadAllText(DocumentFile), Table((c, p) => s_results.GetValueOrDefault((c, p), "not run"))));
            }
        }
    }

    /// <summary>The table that is in the document.</summary>
    public static string Stored()
    {
        string text = File.ReadAllText(DocumentFile).ReplaceLineEndings("\n");
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        return text[begin..text.IndexOf(End, StringComparison.Ordinal)].Trim('\n');
    }

    /// <summary>The table if every test passes.</summary>
    public static string Expected() => Table(static (_, _) => Pass);

    private static string Table(Func<string, QuicPair, string> result)
    {
        StringBuilder text = new();
        text.Append("| case | ").AppendJoin(" | ", QuicPairs.All.Select(static pair => pair.Title())).Append(" |\n");
        text.Append('|').Insert(text.Length, " --- |", QuicPairs.All.Count + 1).Append('\n');
        foreach (string name in Cases)
        {
            text.Append("| ").Append(name).Append(" | ");
            text.AppendJoin(" | ", QuicPairs.All.Select(pair => ReasonOf(name, pair) ?? result(name, pair))).Append(" |\n");
        }

        return text.ToString().Trim('\n');
    }

    private static string Replaced(string text, string table)
    {
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        return $"{text[..begin]}\n{table}\n{text[text.IndexOf(End, StringComparison.Ordinal)..]}";
    }
}

/// <summary>The pairs for which a case can be tested.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class QuicCaseAttribute(string name) : DataAttribute
{
    /// <summary>Whether only pairs with a client of ngtcp2 are meant.</summary>
    public bool NeedsNgtcpClient { get; init; }

    /// <summary>Whether only pairs with a server of ngtcp2 are meant.</summary>
    public bool NeedsNgtcpServer { get; init; }

    /// <summary>Whether only pairs with a client of ours are meant that speaks HTTP/3.</summary>
    public bool NeedsOurHttp3Client { get; init; }

    public override IEnumerable<object[]> GetData(System.Reflection.MethodInfo testMethod) => QuicPairs.All
        .Where(pair => InteropMatrix.ReasonOf(name, pair) is null && (!NeedsNgtcpClient || pair == QuicPair.Ngtcp2ToCauseway)
            && (!NeedsNgtcpServer || pair == QuicPair.CausewayToNgtcp2) && (!NeedsOurHttp3Client || (pair.OurClient() && !pair.IsQuiche())))
        .Select(static pair => new object[] { pair });
}
