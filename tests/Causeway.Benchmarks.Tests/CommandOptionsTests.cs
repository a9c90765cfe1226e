using Causeway.Benchmarks.Harness;

namespace Causeway.Benchmarks.Tests;

public sealed class CommandOptionsTests
{
    private const string Help = """
        Usage: command [options]

          --runs N              how often (5)
          --loss LIST           percent
          --direction DIR       down or up
          --smoke               only once
        """;

    [Fact]
    public void ReadsWhatTheHelpLists()
    {
        CommandOptions options = new(Help, ["--runs", "3", "--smoke", "--loss", "0,1.5", "--loss", "0, 2.5"]);
        Assert.Equal(3, options.Integer("runs", 5));
        Assert.True(options.Has("smoke"));
        Assert.Equal([0, 2.5], options.Numbers("loss", "7"));
        Assert.Equal(2, options.All("loss").Count);
        Assert.Equal("down", options.Text("direction", "down"));
        Assert.False(options.WantsHelp);
    }

    [Theory]
    [InlineData("there is no option '--run'", "--run", "3")]
    [InlineData("there is no option 'runs'", "runs", "3")]
    [InlineData("--runs needs a value", "--smoke", "--runs")]
    [InlineData("there is no option 'yes'", "--smoke", "yes")]
    public void RefusesWhatTheHelpDoesNotList(string message, params string[] args)
    {
        UsageException error = Assert.Throws<UsageException>(() => new CommandOptions(Help, args));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("11")]
    [InlineData("2.5")]
    [InlineData("two")]
    [InlineData("99999999999")]
    public void RefusesNumbersOutOfRange(string value)
    {
        CommandOptions options = new(Help, ["--runs", value]);
        UsageException error = Assert.Throws<UsageException>(() => options.Integer("runs", 5, 1, 10));
        Assert.Equal($"--runs must be a whole number from 1 to 10, not '{value}'", error.Message);
    }

    [Fact]
    public void RefusesUnknownChoices()
    {
        CommandOptions options = new(Help, ["--direction", "down,sideways"]);
        UsageException error = Assert.Throws<UsageException>(() => options.Choices("direction", "down", "down", "up"));
        Assert.Equal("--direction takes down, up, not 'sideways'", error.Message);
    }
}
