using System.Runtime.CompilerServices;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests;

public sealed class PublicApiTests
{
    [Fact]
    public void PublicApiIsWhatWasReviewed()
    {
        string differences = PublicApiFile.Check(typeof(KcptunProfile).Assembly, Folder());
        Assert.True(differences.Length == 0, differences);
    }

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
