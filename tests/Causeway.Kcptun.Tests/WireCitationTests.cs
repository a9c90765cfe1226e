using System.Text.RegularExpressions;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests;

/// <summary>Comments and documents cite sections of <c>docs/wire/kcptun.md</c>; each of them is there.</summary>
public sealed partial class WireCitationTests
{
    private const string Document = "docs/wire/kcptun.md";

    [Fact]
    public void EachCitedSectionExists()
    {
        HashSet<string> sections = Sections(RepositoryFiles.Read(Document));
        int cited = 0;
        List<string> faults = [];
        foreach ((string path, string text) in CitingFiles())
        {
            foreach (Match citation in Citation().Matches(Unwrap(text)))
            {
                foreach (Capture section in citation.Groups["section"].Captures)
                {
                    cited++;
                    if (!sections.Contains(section.Value))
                    {
                        faults.Add($"{path} cites {Document} {section.Value}, which does not exist.");
                    }
                }
            }
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
        Assert.InRange(cited, 100, int.MaxValue);
    }

    [Fact]
    public void CommentsCiteTheWireFormatInOneForm()
    {
        List<string> faults = [];
        foreach ((string path, string text) in CitingFiles().Where(static file => file.Path.EndsWith(".cs", StringComparison.Ordinal)))
        {
            string plain = Unwrap(text);
            faults.AddRange(OtherForm().Matches(plain).Select(match => $"{path}: \"{match.Value}\""));
            if (Mention().Count(plain) != Citation().Count(plain))
            {
                faults.Add($"{path} names {Document} without a section");
            }
        }

        Assert.True(faults.Count == 0, $"Write \"{Document} 5.7\":\n{string.Join('\n', faults)}");
    }

    [Theory]
    [InlineData("0", true)]
    [InlineData("5.7", true)]
    [InlineData("5.7.6", true)]
    [InlineData("appendix A", true)]
    [InlineData("5.7.9", false)]
    [InlineData("5.13", false)]
    [InlineData("13", false)]
    [InlineData("appendix D", false)]
    public void SectionsAndStepsAreReadFromTheDocument(string section, bool exists) =>
        Assert.Equal(exists, Sections(RepositoryFiles.Read(Document)).Contains(section));

    private static IEnumerable<(string Path, string Text)> CitingFiles() =>
        new[] { "src", "tests", "benchmarks", "samples" }
            .SelectMany(static folder => RepositoryFiles.Read(folder, ".cs"))
            .Concat(RepositoryFiles.Read("docs", ".md"))
            .Where(static file => !file.Path.EndsWith($"{nameof(WireCitationTests)}.cs", StringComparison.Ordinal)
                && file.Path.Replace('\\', '/') != Document);

    // A citation may be cut by the end of a comment's line.
    private static string Unwrap(string text) => CommentBreak().Replace(text, " ");

    /// <summary>The numbers of all sections, and of the steps that sections number: "5.7.6" is step 6 of section 5.7.</summary>
    private static HashSet<string> Sections(string document)
    {
        HashSet<string> sections = [];
        string section = "";
        foreach (string line in document.Split('\n'))
        {
            if (Heading().Match(line) is { Success: true } heading)
            {
                section = heading.Groups["number"].Value.Replace("Appendix", "appendix", StringComparison.Ordinal);
                sections.Add(section);
            }
            else if (Step().Match(line) is { Success: true } step)
            {
                sections.Add($"{section}.{step.Groups["number"].Value}");
            }
        }

        return sections;
    }

    [GeneratedRegex(@"docs/wire/kcptun\.md(?:,? (?:to |and )?(?<section>appendix [A-Z]|\d+(?:\.\d+){0,2}))+")]
    private static partial Regex Citation();

    [GeneratedRegex(@"docs/wire/kcptun\.md")]
    private static partial Regex Mention();

    [GeneratedRegex(@"\bspec,? (?:\d|appendix|section)[^ )]*")]
    private static partial Regex OtherForm();

    [GeneratedRegex(@"\r?\n\s*///? ?")]
    private static partial Regex CommentBreak();

    [GeneratedRegex(@"^##+ (?:(?<number>\d+(?:\.\d+)?)\.? |(?<number>Appendix [A-Z])\. )")]
    private static partial Regex Heading();

    [GeneratedRegex(@"^(?<number>\d+)\. ")]
    private static partial Regex Step();
}
