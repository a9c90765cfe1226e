using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Causeway.Forwarding.Tests;

/// <summary>README's code is that of the sample, which is compiled with everything else and runs.</summary>
public sealed class ReadmeTests
{
    [Fact]
    public void TheCodeIsTheSamples()
    {
        string readme = File.ReadAllText(Path.Combine(Root(), "README.md")).ReplaceLineEndings("\n");
        string sample = File.ReadAllText(Path.Combine(Root(), "samples", "Embedding", "Program.cs")).ReplaceLineEndings("\n");
        int begin = readme.IndexOf("```csharp\n", StringComparison.Ordinal) + "```csharp\n".Length;
        int end = readme.IndexOf("```", begin, StringComparison.Ordinal);
        Assert.Equal(sample.TrimEnd(), readme[begin..end].TrimEnd());
    }

    [Fact]
    public async Task TheSampleRuns()
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Embedding.dll")])
        {
            RedirectStandardOutput = true,
        })!;
        string output = await process.StandardOutput.ReadToEndAsync().Guarded();
        await process.WaitForExitAsync().Guarded();
        Assert.Equal(("hello over UDP", 0), (output.Trim(), process.ExitCode));
    }

    private static string Root([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", ".."));
}
