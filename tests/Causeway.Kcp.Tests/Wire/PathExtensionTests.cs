using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Tests.Wire;

public sealed class PathExtensionTests
{
    private const string Announcement = "CA11140A";
    private const string Report = "CA12" + "04030201" + "05000000" + "06000000" + "FFFFFFFF" + "07000000" + "08000000" + "09000000";

    private static readonly PathReport s_report = new()
    {
        Datagrams = 0x01020304,
        Marked = 5,
        Unmarked = 6,
        Shards = uint.MaxValue,
        Missing = 7,
        Runs = 8,
        Repaired = 9,
    };

    [Fact]
    public void AnnouncementHasTheDocumentedBytes()
    {
        byte[] bytes = new byte[PathAnnouncement.Size];
        new PathAnnouncement(20, 10).Write(bytes);
        Assert.Equal(Announcement, Convert.ToHexString(bytes));
        Assert.Equal(PathExtensionKind.Announcement, PathExtension.ReadKind(bytes));
        Assert.Equal(new PathAnnouncement(20, 10), PathAnnouncement.Read(bytes));
    }

    [Fact]
    public void ReportHasTheDocumentedBytes()
    {
        byte[] bytes = new byte[PathReport.Size];
        s_report.Write(bytes);
        Assert.Equal(Report, Convert.ToHexString(bytes));
        Assert.Equal(PathExtensionKind.Report, PathExtension.ReadKind(bytes));
        Assert.Equal(s_report, PathReport.Read(bytes));
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("CA", 0)]
    [InlineData("CB11140A", 0)]
    [InlineData("CA21140A", 0)]
    [InlineData("CA1114", 0)]
    [InlineData("CA11140AFF", 0x11)]
    [InlineData("CA12140A", 0)]
    [InlineData(Report + "00", 0x12)]
    public void OnlyWhatIsLongEnoughAndKnownIsUnderstood(string hex, byte kind) =>
        Assert.Equal((PathExtensionKind)kind, PathExtension.ReadKind(Convert.FromHexString(hex)));

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(1, 1, true)]
    [InlineData(255, 1, true)]
    [InlineData(0, 1, false)]
    [InlineData(1, 0, false)]
    [InlineData(255, 2, false)]
    public void CountsMustBeThoseOfACodeOrNone(byte data, byte parity, bool isValid) =>
        Assert.Equal(isValid, new PathAnnouncement(data, parity).IsValid);

    [Fact]
    public void DifferencesPassTheWrapOfEachCount()
    {
        PathReport before = new() { Datagrams = uint.MaxValue, Shards = uint.MaxValue - 1, Missing = uint.MaxValue, Runs = 3 };
        PathReport after = new() { Datagrams = 9, Shards = 8, Missing = 1, Runs = 4 };
        PathReport news = after - before;
        Assert.Equal(new PathReport { Datagrams = 10, Shards = 10, Missing = 2, Runs = 1 }, news);
        Assert.True(news.IsPlausibleDifference);
        Assert.False((before - after).IsPlausibleDifference);
    }
}
