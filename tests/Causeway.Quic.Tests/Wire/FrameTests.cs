using Causeway.Protocol;
using Causeway.Quic.Wire;
using FsCheck.Xunit;

namespace Causeway.Quic.Tests.Wire;

public sealed class FrameTests
{
    public static TheoryData<string> Names() => [.. Samples.Frames.Select(static frame => frame.Name)];

    [Theory]
    [InlineData("PADDING", "000000")]
    [InlineData("PING", "01")]
    [InlineData("ACK", "0280004e1f404d0280004dbb4058000401")]
    [InlineData("ACK with ECN", "030000000001404680004e20")]
    [InlineData("RESET_STREAM", "04048001117087 5bcd15")]
    [InlineData("STOP_SENDING", "05419007")]
    [InlineData("CRYPTO", "0643e80568656c6c6f")]
    [InlineData("NEW_TOKEN", "0705746f6b656e")]
    [InlineData("STREAM 8", "0804616263")]
    [InlineData("STREAM b", "0b0403616263")]
    [InlineData("STREAM c", "0c03404d")]
    [InlineData("MAX_DATA", "10ffffffffffffffff")]
    [InlineData("NEW_CONNECTION_ID", "180909080102030405060708 6465666768696a6b6c6d6e6f70717273")]
    [InlineData("PATH_CHALLENGE", "1afedcba9876543210")]
    [InlineData("CONNECTION_CLOSE", "1c412806026e6f")]
    [InlineData("HANDSHAKE_DONE", "1e")]
    [InlineData("IMMEDIATE_ACK", "1f")]
    [InlineData("DATAGRAM", "3064617461")]
    [InlineData("DATAGRAM with a length", "310464617461")]
    [InlineData("ACK_FREQUENCY", "40af010a800061a803")]
    [InlineData("FEC_SOURCE", "64ed 4046")]
    [InlineData("FEC_REPAIR", "64ee 05 412c 1f 0003070809")]
    [InlineData("FEC_RECOVERED", "64ef 412c 01")]
    public void BytesAreThoseOfTheRfc(string name, string hex) =>
        Assert.Equal(
            hex.Replace(" ", "", StringComparison.Ordinal),
            Convert.ToHexStringLower(Samples.Frames.Single(frame => frame.Name == name).Bytes));

    [Theory]
    [MemberData(nameof(Names))]
    public void WhatWasWrittenIsReadAndWrittenAgain(string name)
    {
        byte[] bytes = Samples.Frames.Single(frame => frame.Name == name).Bytes;
        FrameReader reader = new(bytes, takesAckFrequency: true, takesFec: true);
        Assert.True(reader.TryRead(out Frame frame), reader.Reason);
        byte[] again = new byte[bytes.Length];
        Assert.Equal(bytes.Length, Rewrite(frame, again));
        Assert.Equal(bytes, again);
        Assert.False(reader.TryRead(out _));
        Assert.Equal(TransportErrorCode.NoError, reader.Error);
        for (int room = 0; room < bytes.Length; room++)
        {
            // The reason of a close is cut to what fits.
            Assert.True(
                Rewrite(frame, new byte[room]) <= (frame.Kind == FrameKind.ConnectionClose ? room : 0), $"{room} bytes");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void CutFramesAreRefused(string name)
    {
        byte[] bytes = Samples.Frames.Single(frame => frame.Name == name).Bytes;
        bool endsWithPacket = name is "PADDING" or "STREAM 8" or "STREAM c" or "DATAGRAM" or "FEC_REPAIR";
        for (int length = 1; length < bytes.Length; length++)
        {
            FrameReader reader = new(bytes.AsSpan(0, length), takesAckFrequency: true, takesFec: true);
            bool read = reader.TryRead(out _);
            Assert.Equal(read, reader.Error == TransportErrorCode.NoError);
            Assert.True(!read || endsWithPacket, $"{length} bytes");
            Assert.True(read || reader.Error == TransportErrorCode.FrameEncodingError);
            Assert.False(reader.TryRead(out _));
        }
    }

    [Fact]
    public void FramesFollowEachOther()
    {
        (string Name, byte[] Bytes)[] frames =
            [.. Samples.Frames.Where(static frame => frame.Name is not ("PADDING" or "STREAM 8" or "STREAM c" or "DATAGRAM" or "FEC_REPAIR"))];
        FrameReader reader = new([.. frames.SelectMany(static frame => frame.Bytes), 0, 0, 0], takesAckFrequency: true, takesFec: true);
        foreach ((string name, byte[] bytes) in frames)
        {
            Assert.True(reader.TryRead(out Frame frame), name);
            Assert.Equal(VarInt.TryRead(bytes, out long type, out _) ? type : -1, frame.Type);
            Assert.Equal(frame.Type, reader.ErrorFrameType);
        }

        Assert.True(reader.TryRead(out Frame padding));
        Assert.Equal((FrameKind.Padding, 3), (padding.Kind, padding.Padding.Count));
        Assert.False(reader.TryRead(out _));
        Assert.Equal(TransportErrorCode.NoError, reader.Error);
    }

    [Theory]
    [InlineData("", TransportErrorCode.ProtocolViolation, "without frames")]
    [InlineData("4001", TransportErrorCode.ProtocolViolation, "more bytes than it needs")]
    [InlineData("80000006", TransportErrorCode.ProtocolViolation, "more bytes than it needs")]
    [InlineData("c0000000000000af", TransportErrorCode.ProtocolViolation, "more bytes than it needs")]
    [InlineData("40", TransportErrorCode.FrameEncodingError, "cut off")]
    [InlineData("20", TransportErrorCode.FrameEncodingError, "not known")]
    [InlineData("32", TransportErrorCode.FrameEncodingError, "not known")]
    [InlineData("40ac", TransportErrorCode.FrameEncodingError, "not known")]
    [InlineData("ffffffffffffffff", TransportErrorCode.FrameEncodingError, "not known")]
    [InlineData("0205000006", TransportErrorCode.FrameEncodingError, "below zero")]
    [InlineData("020500010302" + "00", TransportErrorCode.FrameEncodingError, "below zero")]
    [InlineData("020500010301" + "00", TransportErrorCode.FrameEncodingError, "below zero")]
    [InlineData("0205000102" + "0002", TransportErrorCode.FrameEncodingError, "below zero")]
    [InlineData("0205000100" + "ffffffffffffffff" + "ffffffffffffffff", TransportErrorCode.FrameEncodingError, "below zero")]
    [InlineData("020500ffffffffffffffff00", TransportErrorCode.FrameEncodingError, "cut off")]
    [InlineData("02050001", TransportErrorCode.FrameEncodingError, "cut off")]
    [InlineData("03050000000000", TransportErrorCode.FrameEncodingError, "cut off")]
    [InlineData("06ffffffffffffffff0100", TransportErrorCode.FrameEncodingError, "last offset")]
    [InlineData("0602ffffffffffffffff00", TransportErrorCode.FrameEncodingError, "cut off")]
    [InlineData("0700", TransportErrorCode.FrameEncodingError, "without a token")]
    [InlineData("0c04ffffffffffffffff00", TransportErrorCode.FrameEncodingError, "last offset")]
    [InlineData("0e04ffffffffffffffff0100", TransportErrorCode.FrameEncodingError, "last offset")]
    [InlineData("12d000000000000001", TransportErrorCode.FrameEncodingError, "more streams")]
    [InlineData("13d000000000000001", TransportErrorCode.FrameEncodingError, "more streams")]
    [InlineData("16d000000000000001", TransportErrorCode.FrameEncodingError, "more streams")]
    [InlineData("17d000000000000001", TransportErrorCode.FrameEncodingError, "more streams")]
    [InlineData("18010208" + "0102030405060708" + "6465666768696a6b6c6d6e6f70717273", TransportErrorCode.FrameEncodingError, "retires its own")]
    [InlineData("18010100" + "6465666768696a6b6c6d6e6f70717273", TransportErrorCode.FrameEncodingError, "of such a length")]
    [InlineData("18010115" + "000102030405060708090a0b0c0d0e0f1011121314" + "6465666768696a6b6c6d6e6f70717273",
        TransportErrorCode.FrameEncodingError, "of such a length")]
    [InlineData("1c000005" + "00", TransportErrorCode.FrameEncodingError, "cut off")]
    [InlineData("310500", TransportErrorCode.FrameEncodingError, "cut off")]
    [InlineData("40af000080fa000000", TransportErrorCode.ProtocolViolation, "too long a delay")]
    [InlineData("64ee 00 00 4080 000101", TransportErrorCode.FrameEncodingError, "more sources than there can be")]
    [InlineData("64ee 00 ffffffffffffffff 01 000101", TransportErrorCode.FrameEncodingError, "more sources than there can be")]
    [InlineData("64ee 00 00 00 0001", TransportErrorCode.FrameEncodingError, "too short a symbol")]
    [InlineData("64ef 00 4080", TransportErrorCode.FrameEncodingError, "more sources than there can be")]
    [InlineData("64ef ffffffffffffffff 01", TransportErrorCode.FrameEncodingError, "more sources than there can be")]
    internal void WhatIsWrongIsNamed(string hex, TransportErrorCode error, string reason)
    {
        FrameReader reader = new(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)), takesAckFrequency: true, takesFec: true);
        Assert.False(reader.TryRead(out _));
        Assert.Equal(error, reader.Error);
        Assert.Contains(reason, reader.Reason, StringComparison.Ordinal);
        Assert.False(reader.TryRead(out _));
    }

    [Theory]
    [InlineData("0205000005")]
    [InlineData("0205000103" + "0000")]
    [InlineData("06ffffffffffffffff00")]
    [InlineData("12d000000000000000")]
    [InlineData("18020208" + "0102030405060708" + "6465666768696a6b6c6d6e6f70717273")]
    [InlineData("18010114" + "000102030405060708090a0b0c0d0e0f10111213" + "6465666768696a6b6c6d6e6f70717273")]
    [InlineData("31" + "00")]
    [InlineData("30")]
    [InlineData("40af000080f9ffff00")]
    public void WhatIsJustRightIsTaken(string hex)
    {
        FrameReader reader = new(Convert.FromHexString(hex), takesAckFrequency: true, takesFec: true);
        Assert.True(reader.TryRead(out _), reader.Reason);
        Assert.False(reader.TryRead(out _));
        Assert.Equal(TransportErrorCode.NoError, reader.Error);
    }

    [Theory]
    [InlineData("1f")]
    [InlineData("40af010a800061a803")]
    public void FramesOfAckFrequencyAreUnknownToWhoDidNotOfferIt(string hex)
    {
        FrameReader reader = new(Convert.FromHexString(hex));
        Assert.False(reader.TryRead(out _));
        Assert.Equal(TransportErrorCode.FrameEncodingError, reader.Error);
        Assert.Contains("not known", reader.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("64ed4046")]
    [InlineData("64ee05412c1f0003070809")]
    [InlineData("64ef412c01")]
    public void FramesOfFecAreUnknownToWhoDidNotOfferIt(string hex)
    {
        FrameReader reader = new(Convert.FromHexString(hex), takesAckFrequency: true);
        Assert.False(reader.TryRead(out _));
        Assert.Equal(TransportErrorCode.FrameEncodingError, reader.Error);
        Assert.Contains("not known", reader.Reason, StringComparison.Ordinal);
    }

    [Property(MaxTest = 500)]
    public void AcknowledgedRangesComeBack(ushort[] steps, bool withEcn, ushort room)
    {
        RangeSet set = default;
        long at = 0;
        foreach (ushort step in steps)
        {
            at += 1 + (step & 0xff);
            set.Add(at, at + 1 + (step >> 8));
            at += 1 + (step >> 8);
        }

        if (set.IsEmpty)
        {
            return;
        }

        EcnCounts? counts = withEcn ? new EcnCounts(1, 2, 3) : null;
        byte[] bytes = new byte[16 + (room % 1000)];
        int length = FrameWriter.Ack(bytes, set.Span, 5, counts, maxRanges: 64);
        Assert.NotEqual(0, length);
        FrameReader reader = new(bytes.AsSpan(0, length), takesAckFrequency: true, takesFec: true);
        Assert.True(reader.TryRead(out Frame frame), reader.Reason);
        AckFrame ack = frame.Ack;
        Assert.Equal(withEcn, ack.HasEcn);
        Assert.Equal(counts ?? default, ack.Ecn);
        Assert.Equal(set[set.Count - 1].End - 1, ack.Largest);
        int index = set.Count;
        foreach (NumberRange range in ack)
        {
            Assert.Equal(set[--index], range);
        }

        Assert.Equal(set.Count - index, ack.RangeCount);
        Assert.InRange(ack.RangeCount, 1, 64);
        if (bytes.Length - length > 8)
        {
            Assert.Equal(Math.Min(set.Count, 64), ack.RangeCount);
        }
    }

    [Fact]
    public void DelaysAreScaledAndDoNotOverflow()
    {
        FrameReader reader = new(Samples.Make(static to => FrameWriter.Ack(to, [new(0, 1)], 100, null, 1)), takesAckFrequency: true, takesFec: true);
        Assert.True(reader.TryRead(out Frame frame));
        Assert.Equal(800, frame.Ack.Delay(3));
        reader = new FrameReader(Samples.Make(static to => FrameWriter.Ack(to, [new(0, 1)], VarInt.MaxValue, null, 1)), takesAckFrequency: true, takesFec: true);
        Assert.True(reader.TryRead(out frame));
        Assert.Equal(VarInt.MaxValue, frame.Ack.Delay(0));
        Assert.Equal(VarInt.MaxValue, frame.Ack.Delay(20));
    }

    [Fact]
    public void ReasonsAreCutBetweenCharacters()
    {
        byte[] bytes = new byte[10];
        for (int room = 4; room <= bytes.Length; room++)
        {
            int length = FrameWriter.ConnectionClose(bytes.AsSpan(0, room), TransportErrorCode.InternalError, 0, "aééé"u8);
            FrameReader reader = new(bytes.AsSpan(0, length), takesAckFrequency: true, takesFec: true);
            Assert.True(reader.TryRead(out Frame frame));
            Assert.Equal(
                "aééé"[..frame.ConnectionClose.Reason.ToArray().Count(static b => (b & 0xc0) != 0x80)],
                System.Text.Encoding.UTF8.GetString(frame.ConnectionClose.Reason));
            Assert.InRange(room - length, 0, 1);
        }

        Assert.Equal(0, FrameWriter.ConnectionClose(bytes.AsSpan(0, 3), TransportErrorCode.InternalError, 0, "a"u8));
    }

    [Theory]
    [InlineData(0L, 0L)]
    [InlineData(63L, 1L)]
    [InlineData(1L << 40, 1L << 50)]
    public void StreamHeadersHaveTheLengthThatWasForetold(long id, long offset)
    {
        byte[] bytes = new byte[FrameWriter.MaxStreamHeaderLength];
        foreach (int length in (int[])[0, 63, 64, 1400])
        {
            foreach (bool isLast in (bool[])[false, true])
            {
                Assert.Equal(
                    FrameWriter.StreamHeaderLength(id, offset, length, isLast),
                    FrameWriter.StreamHeader(bytes, id, offset, length, false, isLast));
            }
        }
    }

    /// <summary>Writes what was read.</summary>
    private static int Rewrite(in Frame frame, Span<byte> to)
    {
        switch (frame.Kind)
        {
            case FrameKind.Padding:
                return FrameWriter.Padding(to, frame.Padding.Count);
            case FrameKind.Ping:
                return FrameWriter.Ping(to);
            case FrameKind.Ack:
                List<NumberRange> ranges = [];
                foreach (NumberRange range in frame.Ack)
                {
                    ranges.Insert(0, range);
                }

                EcnCounts? ecn = frame.Ack.HasEcn ? frame.Ack.Ecn : null;
                int length = FrameWriter.Ack(to, [.. ranges], frame.Ack.EncodedDelay, ecn, ranges.Count);

                // Where there is no room for all ranges there are fewer, which is not the frame that was read.
                FrameReader reader = new(to[..length], takesAckFrequency: true, takesFec: true);
                return reader.TryRead(out Frame written) && written.Ack.RangeCount == ranges.Count ? length : 0;
            case FrameKind.ResetStream:
                ResetStreamFrame reset = frame.ResetStream;
                return FrameWriter.ResetStream(to, reset.StreamId, reset.ErrorCode, reset.FinalSize);
            case FrameKind.StopSending:
                return FrameWriter.StopSending(to, frame.StopSending.StreamId, frame.StopSending.ErrorCode);
            case FrameKind.Crypto:
                return FrameWriter.Crypto(to, frame.Crypto.Offset, frame.Crypto.Data);
            case FrameKind.NewToken:
                return FrameWriter.NewToken(to, frame.NewToken);
            case FrameKind.Stream:
                StreamFrame stream = frame.Stream;
                return FrameWriter.Stream(
                    to, stream.StreamId, stream.Offset, stream.Data, stream.IsFin,
                    (frame.Type & FrameType.StreamLength) == 0);
            case FrameKind.MaxData:
                return FrameWriter.MaxData(to, frame.DataLimit);
            case FrameKind.MaxStreamData:
                return FrameWriter.MaxStreamData(to, frame.StreamDataLimit.StreamId, frame.StreamDataLimit.Limit);
            case FrameKind.MaxStreams:
                return FrameWriter.MaxStreams(to, frame.StreamCount.IsUnidirectional, frame.StreamCount.Limit);
            case FrameKind.DataBlocked:
                return FrameWriter.DataBlocked(to, frame.DataLimit);
            case FrameKind.StreamDataBlocked:
                return FrameWriter.StreamDataBlocked(to, frame.StreamDataLimit.StreamId, frame.StreamDataLimit.Limit);
            case FrameKind.StreamsBlocked:
                return FrameWriter.StreamsBlocked(to, frame.StreamCount.IsUnidirectional, frame.StreamCount.Limit);
            case FrameKind.NewConnectionId:
                NewConnectionIdFrame id = frame.NewConnectionId;
                return FrameWriter.NewConnectionId(to, id.SequenceNumber, id.RetirePriorTo, id.ConnectionId, id.ResetToken);
            case FrameKind.RetireConnectionId:
                return FrameWriter.RetireConnectionId(to, frame.RetiredSequenceNumber);
            case FrameKind.PathChallenge:
                return FrameWriter.PathChallenge(to, frame.PathData);
            case FrameKind.PathResponse:
                return FrameWriter.PathResponse(to, frame.PathData);
            case FrameKind.ConnectionClose:
                ConnectionCloseFrame close = frame.ConnectionClose;
                return close.IsByApplication
                    ? FrameWriter.ApplicationClose(to, close.ErrorCode, close.Reason)
                    : FrameWriter.ConnectionClose(to, (TransportErrorCode)close.ErrorCode, close.ErrorFrameType, close.Reason);
            case FrameKind.HandshakeDone:
                return FrameWriter.HandshakeDone(to);
            case FrameKind.ImmediateAck:
                return FrameWriter.ImmediateAck(to);
            case FrameKind.Datagram:
                return FrameWriter.Datagram(to, frame.Datagram, frame.Type == FrameType.Datagram);
            case FrameKind.AckFrequency:
                AckFrequencyFrame frequency = frame.AckFrequency;
                return FrameWriter.AckFrequency(
                    to, frequency.SequenceNumber, frequency.AckElicitingThreshold, frequency.RequestedMaxAckDelay,
                    frequency.ReorderingThreshold);
            case FrameKind.FecSource:
                return FrameWriter.FecSource(to, frame.FecSource.SourceId);
            case FrameKind.FecRepair:
                FecRepairFrame repair = frame.FecRepair;
                return Samples.Repair(to, repair.RepairId, repair.FirstSourceId, repair.Count, repair.Symbol);
            case FrameKind.FecRecovered:
                return FrameWriter.FecRecovered(to, frame.FecRecovered.FirstSourceId, frame.FecRecovered.Count);
            default:
                throw new InvalidOperationException($"{frame.Kind} is not written");
        }
    }
}
