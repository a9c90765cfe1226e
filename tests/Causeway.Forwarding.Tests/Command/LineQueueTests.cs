using System.Globalization;
using Causeway.PortForwarder.Output;

namespace Causeway.Forwarding.Tests.Command;

public sealed class LineQueueTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [Fact]
    public void APlaceThatBlocksIsNotWaitedForAndItsLinesAreCounted()
    {
        using GateSink sink = new();
        using LineQueue lines = new(sink, TimeProvider.System);
        lines.Add("first", stamped: false);
        Assert.True(sink.Entered.Wait(s_limit));

        for (int i = 0; i < LineQueue.Capacity + 7; i++)
        {
            lines.Add(i.ToString(CultureInfo.InvariantCulture), stamped: false);
        }

        Assert.Equal(7, lines.Dropped);
        Assert.False(lines.Flush(TimeSpan.FromDays(1)));

        sink.Open();
        FlushAll(lines);
        string[] written = sink.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("first", written[0]);
        Assert.Equal(LineQueue.Capacity + 2, written.Length);
        Assert.EndsWith("7 lines before this one were dropped", written[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void APlaceThatRefusesLinesIsTriedAgain()
    {
        using GateSink sink = new() { Refuses = true };
        sink.Open();
        using LineQueue lines = new(sink, TimeProvider.System);
        lines.Add("lost", stamped: false);
        FlushAll(lines);
        Assert.Equal(1, lines.Dropped);

        sink.Refuses = false;
        lines.Add("kept", stamped: false);
        FlushAll(lines);
        Assert.StartsWith("kept\n", sink.Text, StringComparison.Ordinal);
        Assert.EndsWith("1 lines before this one were dropped\n", sink.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileIsReopenedUnderItsNameAndAppendedToIfItWasCut()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string path = Path.Combine(folder, "log");
            List<string> warnings = [];
            using LineQueue lines = new(new FileSink(path, warnings.Add), TimeProvider.System);
            lines.Add("one", stamped: false);
            FlushAll(lines);

            using (FileStream cut = new(path, FileMode.Truncate, FileAccess.Write, FileShare.ReadWrite))
            {
            }

            lines.Add("two", stamped: false);
            FlushAll(lines);
            Assert.Equal("two\n", ReadShared(path));

            File.Move(path, path + ".1");
            lines.Reopen();
            lines.Add("three", stamped: false);
            FlushAll(lines);
            Assert.Equal("two\n", ReadShared(path + ".1"));
            Assert.Equal("three\n", ReadShared(path));
            Assert.Empty(warnings);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void AFileThatCannotBeOpenedIsWarnedOfOnceAndTriedAgain()
    {
        string folder = Path.Combine(Directory.CreateTempSubdirectory().FullName, "later");
        try
        {
            string path = Path.Combine(folder, "log");
            List<string> warnings = [];
            using LineQueue lines = new(new FileSink(path, warnings.Add), TimeProvider.System);
            lines.Add("one", stamped: false);
            FlushAll(lines);
            lines.Add("two", stamped: false);
            FlushAll(lines);
            Assert.Contains(path, Assert.Single(warnings), StringComparison.Ordinal);

            Directory.CreateDirectory(folder);
            lines.Add("three", stamped: false);
            FlushAll(lines);
            Assert.StartsWith("three\n", ReadShared(path), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(folder)!, recursive: true);
        }
    }

    private static void FlushAll(LineQueue lines)
    {
        // A busy machine may let a healthy place look stuck.
        long until = Environment.TickCount64 + (long)s_limit.TotalMilliseconds;
        while (!lines.Flush(s_limit))
        {
            Assert.True(Environment.TickCount64 < until);
        }
    }

    private static string ReadShared(string path)
    {
        using StreamReader reader = new(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd();
    }

    private sealed class GateSink : ILineSink, IDisposable
    {
        private readonly ManualResetEventSlim _open = new();

        public ManualResetEventSlim Entered { get; } = new();

        public volatile bool Refuses;

        public volatile string Text = "";

        public void Open() => _open.Set();

        public void Write(string lines)
        {
            Entered.Set();
            _open.Wait(s_limit);
            if (Refuses)
            {
                throw new IOException("no room");
            }

            Text += lines;
        }

        public void Reopen()
        {
        }

        public void Dispose()
        {
            _open.Set();
            Entered.Dispose();
        }
    }
}
