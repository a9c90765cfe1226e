namespace Causeway.Kcptun.Configuration;

/// <summary>
/// What is said of a name that no option has. kcptun ignores such keys of a file, so that a misspelt <c>key</c> leaves the
/// public default in force: what may stand for an option that protects is refused, anything else is warned of.
/// </summary>
internal static class OptionNames
{
    // How people call what kcptun calls key, crypt and QPP.
    private static readonly string[] s_protecting = ["key", "crypt", "cipher", "secret", "pass", "psk", "qpp"];

    // Options whose misspelling leaves a session less protected than was meant.
    private static readonly string[] s_protectingOptions = ["key", "crypt", "qpp", "qpp-count"];

    /// <summary>Whether a key of a file is a remark, as many files have them: JSON has no comments.</summary>
    public static bool IsRemark(string key) =>
        key.Length == 0 || key[0] is '_' or '#' or '$' or '/' || key.Equals("comment", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the writer may have meant an option that protects.</summary>
    public static bool MayProtect(string name)
    {
        string plain = Plain(name);
        return s_protecting.Any(word => plain.Contains(word, StringComparison.Ordinal))
            || s_protectingOptions.Any(option => IsNear(plain, Plain(option)));
    }

    /// <summary>The name that was probably meant, or null if none is near.</summary>
    public static string? Nearest(string name, IEnumerable<string> known)
    {
        string plain = Plain(name);
        return known
            .Where(candidate => IsNear(plain, Plain(candidate)))
            .OrderBy(candidate => Distance(plain, Plain(candidate)))
            .FirstOrDefault();
    }

    // One slip in a short name, one for each three letters in a long one. Names of one letter are near to none.
    private static bool IsNear(string name, string option) =>
        name.Length > 1 && option.Length > 1 && Distance(name, option) <= Math.Max(1, option.Length / 3);

    private static string Plain(string name) =>
        name.ToLowerInvariant().Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal);

    /// <summary>Letters to insert, remove, change or swap with the next: Damerau's distance without overlaps.</summary>
    private static int Distance(string a, string b)
    {
        // A name much longer than any option is no slip, and must not cost its length times theirs.
        if (Math.Abs(a.Length - b.Length) > b.Length)
        {
            return int.MaxValue;
        }

        int[,] cost = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    cost[i, j] = i + j;
                    continue;
                }

                int change = cost[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                cost[i, j] = Math.Min(change, Math.Min(cost[i - 1, j], cost[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    cost[i, j] = Math.Min(cost[i, j], cost[i - 2, j - 2] + 1);
                }
            }
        }

        return cost[a.Length, b.Length];
    }
}
