using Causeway.Protocol;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Wire;

/// <summary>RFC 9000, table 3, with the frames of extensions.</summary>
public sealed class FrameRulesTests
{
    // As in the table: I, H, 0 and 1 for the packets; N: not ack-eliciting, C: not counted as in flight, P: probing; s: by servers only.
    public static TheoryData<string, string, string> Table() => new()
    {
        { "PADDING", "IH01", "NP" },
        { "PING", "IH01", "" },
        { "ACK", "IH1", "NC" },
        { "ACK with ECN", "IH1", "NC" },
        { "RESET_STREAM", "01", "" },
        { "STOP_SENDING", "01", "" },
        { "CRYPTO", "IH1", "" },
        { "NEW_TOKEN", "1", "s" },
        { "STREAM 8", "01", "" },
        { "STREAM f", "01", "" },
        { "MAX_DATA", "01", "" },
        { "MAX_STREAM_DATA", "01", "" },
        { "MAX_STREAMS", "01", "" },
        { "MAX_STREAMS uni", "01", "" },
        { "DATA_BLOCKED", "01", "" },
        { "STREAM_DATA_BLOCKED", "01", "" },
        { "STREAMS_BLOCKED", "01", "" },
        { "STREAMS_BLOCKED uni", "01", "" },
        { "NEW_CONNECTION_ID", "01", "P" },

        // The table lets it into 0-RTT, but the text below says that it cannot be there (12.5).
        { "RETIRE_CONNECTION_ID", "1", "" },
        { "PATH_CHALLENGE", "01", "P" },
        { "PATH_RESPONSE", "1", "P" },
        { "CONNECTION_CLOSE", "IH01", "NC" },
        { "CONNECTION_CLOSE by the application", "01", "NC" },
        { "HANDSHAKE_DONE", "1", "s" },
        { "IMMEDIATE_ACK", "1", "" },
        { "DATAGRAM", "01", "" },
        { "ACK_FREQUENCY", "1", "" },
        { "FEC_SOURCE", "1", "" },
        { "FEC_REPAIR", "1", "" },
        { "FEC_RECOVERED", "1", "NC" },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void FramesStandWhereTheTableHasThem(string name, string packets, string marks)
    {
        FrameReader reader = new(Samples.Frames.Single(frame => frame.Name == name).Bytes, takesAckFrequency: true, takesFec: true);
        Assert.True(reader.TryRead(out Frame frame));
        foreach ((PacketType type, char letter) in ((PacketType, char)[])
            [
                (PacketType.Initial, 'I'), (PacketType.Handshake, 'H'), (PacketType.ZeroRtt, '0'), (PacketType.OneRtt, '1'),
                (PacketType.Retry, '-'),
            ])
        {
            bool isAllowed = packets.Contains(letter, StringComparison.Ordinal);
            Assert.Equal(isAllowed, FrameRules.IsAllowed(frame, type, EndpointRole.Server));
            Assert.Equal(
                isAllowed && !marks.Contains('s', StringComparison.Ordinal),
                FrameRules.IsAllowed(frame, type, EndpointRole.Client));
        }

        Assert.Equal(!marks.Contains('N', StringComparison.Ordinal), FrameRules.IsAckEliciting(frame.Kind));
        Assert.Equal(!marks.Contains('C', StringComparison.Ordinal), FrameRules.IsInFlight(frame.Kind));
        Assert.Equal(marks.Contains('P', StringComparison.Ordinal), FrameRules.IsProbing(frame.Kind));
    }

    [Fact]
    public void TheTableHasEveryKind()
    {
        HashSet<FrameKind> kinds = [];
        foreach ((string _, byte[] bytes) in Samples.Frames)
        {
            FrameReader reader = new(bytes, takesAckFrequency: true, takesFec: true);
            Assert.True(reader.TryRead(out Frame frame));
            kinds.Add(frame.Kind);
        }

        Assert.Equal(Enum.GetValues<FrameKind>(), kinds.Order());
    }
}
