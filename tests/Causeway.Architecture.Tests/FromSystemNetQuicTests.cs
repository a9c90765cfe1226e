using System.Net.Quic;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Causeway.Architecture.Tests;

/// <summary>docs/from-system-net-quic.md names every public member of System.Net.Quic, and no other.</summary>
public sealed class FromSystemNetQuicTests
{
    private const BindingFlags Public = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    [Fact]
    public void TheTableHasEveryMember()
    {
        SortedSet<string> named = [.. Rows(Document()).Where(static name => name.StartsWith("Quic", StringComparison.Ordinal) && name.Contains('.', StringComparison.Ordinal))];
#pragma warning disable CA1416 // Only names are read.
        SortedSet<string> members = [.. typeof(QuicConnection).Assembly.GetExportedTypes().SelectMany(Members)];
#pragma warning restore CA1416
        Assert.True(members.Count > 80, $"Only {members.Count} members were found.");
        Assert.Equal([], members.Except(named));
        Assert.Equal([], named.Except(members));
    }

    private static IEnumerable<string> Members(Type type) => type.GetMembers(Public)
        .Where(static member => member is not MethodBase { IsSpecialName: true } or ConstructorInfo && member is not FieldInfo { IsSpecialName: true })
        .Select(member => $"{type.Name}.{(member is ConstructorInfo ? type.Name : member.Name)}");

    // The name in the first cell of each row.
    private static IEnumerable<string> Rows(string document) => document.Split('\n')
        .Where(static line => line.StartsWith("| `", StringComparison.Ordinal))
        .Select(static line => line.Split('`')[1]);

    private static string Document([CallerFilePath] string here = "") =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "docs", "from-system-net-quic.md"));
}
