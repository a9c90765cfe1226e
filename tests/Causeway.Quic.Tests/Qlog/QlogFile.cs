using System.Text.Json;
using Causeway.Quic.Qlog;
using Causeway.Quic.Tests.Simulation;

namespace Causeway.Quic.Tests.Qlog;

/// <summary>A log in memory.</summary>
internal sealed class QlogFile
{
    private readonly MemoryStream _bytes = new();

    public string Name { get; private set; } = "";

    public string Text => System.Text.Encoding.UTF8.GetString(_bytes.ToArray());

    public JsonElement Header => Records[0];

    public IEnumerable<JsonElement> Events => Records.Skip(1);

    private List<JsonElement> Records => field ??= [.. Parse(_bytes.ToArray())];

    /// <summary>Options whose first connection is logged here.</summary>
    public QuicPeerOptions Options(Func<QuicSettings, QuicSettings>? configure = null) =>
        new() { Configure = settings => (configure?.Invoke(settings) ?? settings) with { Qlog = QlogTrace.Opener(Open) } };

    public Stream? Open(string name)
    {
        if (Name.Length > 0)
        {
            return null;
        }

        Name = name;
        return _bytes;
    }

    public IEnumerable<JsonElement> Of(string name) =>
        Events.Where(e => e.GetProperty("name").GetString() == name).Select(static e => e.GetProperty("data"));

    /// <summary>The packets of an event as type and number.</summary>
    public List<(string Type, long Number)> Packets(string name) =>
    [
        .. Of(name)
            .Select(static data => data.GetProperty("header"))
            .Where(static header => header.TryGetProperty("packet_number", out _))
            .Select(static header => (header.GetProperty("packet_type").GetString()!, header.GetProperty("packet_number").GetInt64())),
    ];

    /// <summary>Checks the form of all of it: RFC 7464, the schema, and times that do not fall.</summary>
    public void Check()
    {
        QlogSchema.CheckHeader(Header);
        double latest = 0;
        foreach (JsonElement e in Events)
        {
            QlogSchema.CheckEvent(e);
            double time = e.GetProperty("time").GetDouble();
            Assert.True(time >= latest, $"{time} after {latest}");
            latest = time;
        }
    }

    private static IEnumerable<JsonElement> Parse(byte[] bytes)
    {
        Assert.NotEmpty(bytes);
        Assert.Equal(0x0a, bytes[^1]);
        for (int i = 0; i < bytes.Length;)
        {
            Assert.Equal(0x1e, bytes[i]);
            int next = Array.IndexOf(bytes, (byte)0x1e, i + 1);
            next = next < 0 ? bytes.Length : next;
            Assert.Equal(0x0a, bytes[next - 1]);
            yield return JsonDocument.Parse(bytes.AsMemory(i + 1, next - i - 2)).RootElement;
            i = next;
        }
    }
}
