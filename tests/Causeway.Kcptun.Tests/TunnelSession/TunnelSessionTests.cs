using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Causeway.Kcp.Fec;
using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.TunnelSession;

/// <summary>Whole exchanges that the reference's client and server were recorded at, through every layer.</summary>
public sealed class TunnelSessionTests
{
    private const int Orders = 40;

    // Spec 4.1.
    private const ushort FecDataType = 0xF1;

    public static TheoryData<string> Recordings => new(TunnelRecording.Plain, TunnelRecording.EverythingOn);

    public static TheoryData<string, EndpointRole> RecordingsAndRoles => new()
    {
        { TunnelRecording.Plain, EndpointRole.Client },
        { TunnelRecording.Plain, EndpointRole.Server },
        { TunnelRecording.EverythingOn, EndpointRole.Client },
        { TunnelRecording.EverythingOn, EndpointRole.Server },
    };

    [Theory]
    [MemberData(nameof(Recordings))]
    public void DatagramsHoldWhatTheReferenceSays(string file)
    {
        using TunnelRecording recording = new(file);
        foreach (RecordedDatagram datagram in recording.Datagrams)
        {
            Assert.Equal(datagram.Decoded, Describe(datagram.Plain));
        }
    }

    [Theory]
    [MemberData(nameof(RecordingsAndRoles))]
    public void EncoderMakesTheRecordedHeadersAndParity(string file, EndpointRole sender)
    {
        using TunnelRecording recording = new(file);
        FecOptions options = recording.Profile(sender).Transport.Fec;
        PacketPool pool = new(track: true);
        using FecCodec codec = new(options, pool);
        List<byte[]> made = [];
        IReadOnlyList<RecordedDatagram> sent = recording.Sent(byClient: sender == EndpointRole.Client);
        foreach (RecordedDatagram datagram in sent.Where(static datagram => !datagram.IsParity))
        {
            PacketBuffer buffer = pool.Rent();
            ReadOnlySpan<byte> segments = datagram.Plain.AsSpan(FecEncoder.HeaderSize);
            segments.CopyTo(buffer.Append(segments.Length));
            int parity = codec.Encode(buffer, Timestamp.FromMilliseconds(datagram.Milliseconds));
            made.Add(buffer.Payload.ToArray());
            buffer.Release();
            for (int i = 0; i < parity; i++)
            {
                PacketBuffer shard = codec.TakeParity(i);
                made.Add(shard.Payload.ToArray());
                shard.Release();
            }
        }

        Assert.Contains(sent, static datagram => datagram.IsParity);
        Assert.Equal(sent.Select(static datagram => datagram.Plain), made);
        codec.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Theory]
    [MemberData(nameof(RecordingsAndRoles))]
    public void SessionDeliversTheRecordedBytes(string file, EndpointRole role)
    {
        using TunnelRecording recording = new(file);
        using TunnelSide side = new(recording, role);
        Feed(side, SentTo(recording, role));
        AssertComplete(recording, role, side, "in order");
        Assert.Equal(0, side.Session.Fec.Statistics.Recovered);
        Assert.Equal(0, side.Session.Fec.Statistics.Malformed);
        Assert.Equal(HalfCloseSupport.Unsupported, side.Session.Streams.HalfClose);
    }

    [Theory]
    [MemberData(nameof(RecordingsAndRoles))]
    public void ParityReplacesWhatWasLost(string file, EndpointRole role)
    {
        using TunnelRecording recording = new(file);
        RecordedDatagram[] sent = [.. SentTo(recording, role)];
        FecOptions fec = recording.Profile(role).Transport.Fec;
        long recovered = 0;
        for (ulong seed = 0; seed < Orders; seed++)
        {
            SeededRandom random = new(seed);
            PacketPool pool = new(track: true, stackTraces: false);
            using TunnelSide side = new(recording, role);

            // A session confirms the peer's counts before it rebuilds anything, and a recording is too short for that: here
            // they are known.
            FecDecoder decoder = new(fec.DataShards, fec.ParityShards, pool);
            foreach (RecordedDatagram datagram in WithoutSomeOfEachGroup(sent, fec, random, MustComeFirst(role)))
            {
                Timestamp now = Timestamp.FromMilliseconds(datagram.Milliseconds);
                side.Receive(datagram.Wire, now);
                PacketBuffer buffer = pool.Rent();
                datagram.Plain.CopyTo(buffer.Append(datagram.Plain.Length));
                decoder.Add(buffer);
                buffer.Release();
                while (decoder.TryTakeRecovered(out PacketBuffer? rebuilt))
                {
                    side.ReceiveOpened(rebuilt, now);
                    rebuilt.Release();
                }
            }

            AssertComplete(recording, role, side, $"seed {seed}");
            recovered += decoder.Statistics.Recovered;
            decoder.Dispose();
            pool.ThrowIfOutstanding();
        }

        Assert.InRange(recovered, Orders, long.MaxValue);
    }

    [Theory]
    [MemberData(nameof(RecordingsAndRoles))]
    public void OneMoreLossThanParityLeavesAHole(string file, EndpointRole role)
    {
        using TunnelRecording recording = new(file);
        FecOptions fec = recording.Profile(role).Transport.Fec;
        using TunnelSide side = new(recording, role);
        Feed(side, SentTo(recording, role).Skip(fec.ParityShards + 1));
        Assert.Empty(side.Received);
        Assert.Null(side.Session.Failure);
    }

    [Theory]
    [MemberData(nameof(RecordingsAndRoles))]
    public void OrderAndRepetitionDoNotMatter(string file, EndpointRole role)
    {
        using TunnelRecording recording = new(file);
        for (ulong seed = 0; seed < Orders; seed++)
        {
            SeededRandom random = new(seed);
            RecordedDatagram[] sent = [.. SentTo(recording, role)];
            RecordedDatagram[] shuffled = [.. sent, .. sent.Where(_ => random.Chance(0.5))];
            Shuffle(shuffled.AsSpan(MustComeFirst(role)), random);
            using TunnelSide side = new(recording, role);
            Feed(side, shuffled);
            AssertComplete(recording, role, side, $"seed {seed}");
        }
    }

    [Theory]
    [MemberData(nameof(RecordingsAndRoles))]
    public void ChangedDatagramsDoNotReachTheSession(string file, EndpointRole role)
    {
        using TunnelRecording recording = new(file);
        using TunnelSide side = new(recording, role);
        SeededRandom random = new(7);
        foreach (RecordedDatagram datagram in SentTo(recording, role))
        {
            byte[] changed = [.. datagram.Wire];
            changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
            side.Receive(changed, Timestamp.FromMilliseconds(datagram.Milliseconds));
        }

        Assert.Equal(0, side.Session.Statistics.InPackets);
        Feed(side, SentTo(recording, role));
        AssertComplete(recording, role, side, "after the changed ones");
    }

    private static IEnumerable<RecordedDatagram> SentTo(TunnelRecording recording, EndpointRole role) =>
        recording.Sent(byClient: role == EndpointRole.Server);

    // A server's session that hears of the stream only together with window updates for it cannot have written what they
    // acknowledge: the two datagrams that open the stream, under compression its header and its body, stay in their places.
    private static int MustComeFirst(EndpointRole role) => role == EndpointRole.Server ? 2 : 0;

    private static void Feed(TunnelSide side, IEnumerable<RecordedDatagram> datagrams)
    {
        // In another order than the recorded one the times make no sense; the session's must not decrease.
        Timestamp now = Timestamp.Zero;
        foreach (RecordedDatagram datagram in datagrams)
        {
            now = Timestamp.Max(now, Timestamp.FromMilliseconds(datagram.Milliseconds));
            side.Receive(datagram.Wire, now);
        }
    }

    private static void AssertComplete(TunnelRecording recording, EndpointRole role, TunnelSide side, string how)
    {
        byte[] expected = role == EndpointRole.Server ? recording.Requests : recording.Responses;
        Assert.True(expected.AsSpan().SequenceEqual(side.Received), $"{role}, {how}: {side.Received.Length} of {expected.Length} bytes.");
        Assert.Equal(TunnelRecording.StreamId, side.StreamId);
        Assert.True(side.ReadsFinished, how);
        Assert.Null(side.Session.Failure);
        Assert.Equal(0, side.Session.Statistics.KcpInErrors);
    }

    // As many of each complete group as its parity can replace, data and parity alike; an incomplete group has none.
    private static List<RecordedDatagram> WithoutSomeOfEachGroup(RecordedDatagram[] sent, FecOptions fec, SeededRandom random, int spared)
    {
        int size = fec.DataShards + fec.ParityShards;
        List<RecordedDatagram> left = [];
        foreach (RecordedDatagram[] group in sent.Chunk(size))
        {
            RecordedDatagram[] order = [.. group.Except(sent.Take(spared))];
            Shuffle(order, random);
            int lost = group.Length == size ? random.Between(1, fec.ParityShards) : 0;
            left.AddRange(group.Except(order.Take(lost)));
        }

        return left;
    }

    private static void Shuffle(Span<RecordedDatagram> items, SeededRandom random)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int other = random.Next(i + 1);
            (items[i], items[other]) = (items[other], items[i]);
        }
    }

    /// <summary>A datagram without its crypt in the words of the recording.</summary>
    private static string Describe(ReadOnlySpan<byte> plain)
    {
        bool isData = BinaryPrimitives.ReadUInt16LittleEndian(plain[sizeof(uint)..]) == FecDataType;
        uint sequence = BinaryPrimitives.ReadUInt32LittleEndian(plain);
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"fec {(isData ? "data" : "parity")} seq={sequence}");
        if (!isData)
        {
            return text.ToString();
        }

        for (ReadOnlySpan<byte> rest = plain[FecEncoder.HeaderSize..]; !rest.IsEmpty;)
        {
            SegmentHeader segment = SegmentHeader.Read(rest);
            string command = segment.Command switch
            {
                SegmentCommand.Push => "PUSH",
                SegmentCommand.Ack => "ACK",
                SegmentCommand.WindowAsk => "WASK",
                _ => "WINS",
            };
            text.Append(
                CultureInfo.InvariantCulture,
                $"; {command} sn={segment.Sequence} una={segment.Unacknowledged} wnd={segment.Window} ts={segment.Time} len={segment.Length}");
            rest = rest[(SegmentHeader.Size + (int)segment.Length)..];
        }

        return text.ToString();
    }
}
