using Causeway.Protocol;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Simulation.Attacks;

/// <summary>A peer that lies about sources and repairs: it hurts itself alone (docs/security.md).</summary>
public sealed class ForgedFecTests
{
    private static readonly Dictionary<string, (TransportErrorCode Code, FrameMaker[] Frames)> s_wrong = new()
    {
        ["a source of nothing"] = (TransportErrorCode.FrameEncodingError, [room => FrameWriter.FecSource(room, 0)]),
        ["a frame in a source that is no payload"] =
            (TransportErrorCode.ProtocolViolation, [room => FrameWriter.FecSource(room, 0), room => FrameWriter.MaxData(room, 5)]),
        ["padding in a source"] =
            (TransportErrorCode.ProtocolViolation, [room => FrameWriter.FecSource(room, 0), room => FrameWriter.Padding(room, 5)]),
        ["a source in a source"] =
            (TransportErrorCode.ProtocolViolation,
                [room => FrameWriter.FecSource(room, 0), room => FrameWriter.FecSource(room, 1), room => Datagram(room, "x"u8)]),
        ["a repair in a source"] =
            (TransportErrorCode.ProtocolViolation, [room => FrameWriter.FecSource(room, 0), room => Repair(room, 0, 0, 1, Symbol([0x30, 1]))]),
        ["a repair over more than was offered"] =
            (TransportErrorCode.ProtocolViolation, [room => Repair(room, 0, 0, 33, Symbol([0x30, 1]))]),
        ["a report of a source that was never sent"] =
            (TransportErrorCode.ProtocolViolation, [room => FrameWriter.FecRecovered(room, 1000, 1)]),
        ["a rebuilt source that is longer than the sum"] =
            (TransportErrorCode.ProtocolViolation, [room => Repair(room, 0, 0, 1, [0xff, 0xff, 0x30, 1])]),
        ["a rebuilt source of nothing"] =
            (TransportErrorCode.ProtocolViolation, [room => Repair(room, 0, 0, 1, [0, 0, 0, 0])]),
        ["a rebuilt source that does not parse"] =
            (TransportErrorCode.FrameEncodingError, [room => Repair(room, 0, 0, 1, Symbol([0x31, 0x50, 1]))]),
        ["a rebuilt frame type that is not known"] =
            (TransportErrorCode.FrameEncodingError, [room => Repair(room, 0, 0, 1, Symbol([0x7f, 0xff]))]),
        ["a rebuilt close"] =
            (TransportErrorCode.ProtocolViolation, [room => Repair(room, 0, 0, 1, Symbol(Frame(to => FrameWriter.ApplicationClose(to, 1, "bye"u8))))]),
        ["a rebuilt ACK"] =
            (TransportErrorCode.ProtocolViolation, [room => Repair(room, 0, 0, 1, Symbol(Frame(to => FrameWriter.Ack(to, [new(0, 1)], 0, null, 1))))]),
        ["rebuilt data beyond a window"] =
            (TransportErrorCode.FlowControlError,
                [room => Repair(room, 0, 0, 1, Symbol(Frame(to => FrameWriter.Stream(to, 4, 1L << 40, "data"u8, false, false))))]),
        ["rebuilt data of a stream beyond the limit"] =
            (TransportErrorCode.StreamLimitError,
                [room => Repair(room, 0, 0, 1, Symbol(Frame(to => FrameWriter.Stream(to, 4 * 1024, 0, "data"u8, false, false))))]),
    };

    public static TheoryData<string> Names => new(s_wrong.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void WhatIsWrongEndsTheConnection(string name)
    {
        (TransportErrorCode code, FrameMaker[] frames) = s_wrong[name];
        using Forger forger = Forger.Create().Connect();
        Assert.True(forger.Victim.UsesFec);
        forger.TakeOver().Send(frames);
        forger.ExpectClose(code, isHeard: false);
    }

    [Fact]
    public void FramesOfAnExtensionThatWasNotOfferedAreUnknown()
    {
        using Forger forger = Forger.Create(victim: s => s with { Fec = QuicFecOptions.Off }).Connect();
        forger.TakeOver().Send(room => FrameWriter.FecSource(room, 0), room => Datagram(room, "x"u8));
        forger.ExpectClose(TransportErrorCode.FrameEncodingError, isHeard: false);
    }

    [Fact]
    public void ARepairBringsWhatItCoversOnce()
    {
        using Forger forger = Forger.Create().Connect().TakeOver();
        byte[] datagram = Frame(to => Datagram(to, "rebuilt"u8));
        for (int i = 0; i < 5; i++)
        {
            int repair = i;
            forger.Send(room => Repair(room, repair, 0, 1, Symbol(datagram, repair)));
        }

        forger.Send(room => FrameWriter.FecSource(room, 0), room => Datagram(room, "rebuilt"u8));
        Assert.Equal((1, 1, 5), (forger.Victim.Statistics.DatagramsReceived, forger.Victim.Statistics.PacketsRebuilt, forger.Victim.Statistics.RepairsReceived));
        Assert.Equal(4, forger.Victim.Statistics.RepairsUseless);
        Assert.Null(forger.Victim.Failure);
    }

    /// <summary>
    /// Numbers far ahead and far behind, and sums of anything: nothing is held beyond the window, and the connection goes on or ends.
    /// </summary>
    [Fact]
    public void NoPeerMakesAnEndHoldMoreThanTheWindow()
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            Random random = new(seed);
            using Forger forger = Forger.Create().Connect().TakeOver();
            byte[] noise = new byte[1000];
            for (int i = 0; i < 300 && forger.Victim.Failure is null && !forger.Victim.IsClosing; i++)
            {
                long id = random.Next(3) == 0 ? random.NextInt64(1L << 50) : i + random.Next(40);
                if (random.Next(2) == 0)
                {
                    forger.Send(room => FrameWriter.FecSource(room, id), room => Datagram(room, noise.AsSpan(0, random.Next(500))));
                }
                else
                {
                    // Over two at least: one that stands alone is found out at once.
                    random.NextBytes(noise);
                    forger.Send(room => Repair(room, random.Next(1000), id, random.Next(2, 33), noise.AsSpan(0, random.Next(3, 1000))));
                }

                Assert.InRange(forger.Victim.FecReceiver?.Buffers ?? 0, 0, 32 + Quic.Fec.FecReceiver.MostRows);
            }
        }
    }

    private static byte[] Frame(FrameMaker frame)
    {
        byte[] room = new byte[200];
        return room[..frame(room)];
    }

    /// <summary>The symbol of a repair over source 0 alone.</summary>
    private static byte[] Symbol(ReadOnlySpan<byte> source, int repair = 0)
    {
        byte[] symbol = [0, (byte)source.Length, .. source];
        byte coefficient = Protocol.Fec.CauchyCode.Coefficient(0, repair);
        return [.. symbol.Select(b => Protocol.Fec.GaloisField.Multiply(coefficient, b))];
    }

    private static int Repair(Span<byte> room, long repair, long first, int count, ReadOnlySpan<byte> symbol) =>
        Wire.Samples.Repair(room, repair, first, count, symbol);

    private static int Datagram(Span<byte> room, ReadOnlySpan<byte> bytes) => FrameWriter.Datagram(room, bytes, isLast: false);
}
