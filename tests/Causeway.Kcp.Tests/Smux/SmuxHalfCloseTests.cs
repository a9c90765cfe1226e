using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Kcp.Tests.Smux;

/// <summary>The half-close extension: how it is found out, and what it changes.</summary>
public sealed class SmuxHalfCloseTests
{
    private static readonly SmuxOptions s_options = new();
    private static readonly SmuxOptions s_plain = new() { HalfCloseExtension = false };

    private static List<(SmuxCommand Command, uint Id)> Flush(SmuxSession session, Timestamp now = default)
    {
        RecordingOutput output = new();
        session.Flush(output, now);
        return [.. output.Take().Select(static f => (f.Header.Command, f.Header.StreamId))];
    }

    private static byte[] Frame(SmuxCommand command, uint id, ReadOnlySpan<byte> payload = default) =>
        MuxTestExtensions.Frame(2, command, id, payload);

    [Fact]
    public void TwoEndsFindOutAboutEachOtherOnce()
    {
        PacketPool pool = new(track: true);
        using SmuxSession client = new(EndpointRole.Client, s_options, pool, default);
        using SmuxSession server = new(EndpointRole.Server, s_options, pool, default);
        client.TryOpen(default);
        client.TryOpen(default);
        Assert.Equal([(SmuxCommand.Syn, 3u), (SmuxCommand.Nop, 1u), (SmuxCommand.Syn, 5u)], Flush(client));
        Assert.Equal(HalfCloseSupport.Unknown, client.HalfClose);

        server.Receive(pool, [.. Frame(SmuxCommand.Syn, 3), .. Frame(SmuxCommand.Nop, 1), .. Frame(SmuxCommand.Syn, 5)]);
        Assert.Equal(HalfCloseSupport.Supported, server.HalfClose);
        Assert.Equal([StreamEventKind.HalfCloseKnown, StreamEventKind.Accepted, StreamEventKind.Accepted], server.Kinds());
        Assert.Equal([(SmuxCommand.Nop, 1u)], Flush(server));

        client.Receive(pool, Frame(SmuxCommand.Nop, 1));
        Assert.Equal(HalfCloseSupport.Supported, client.HalfClose);
        Assert.Equal([StreamEventKind.HalfCloseKnown], client.Kinds());
        client.TryOpen(default);
        Assert.Equal([(SmuxCommand.Syn, 7u)], Flush(client));
        server.Receive(pool, Frame(SmuxCommand.Nop, 1));
        Assert.Empty(Flush(server));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void OneEndAloneIsNoSupport(bool client, bool server)
    {
        using MuxPair pair = new(client ? s_options : s_plain, server ? s_options : s_plain);
        (TransportStream stream, TransportStream end) = pair.Open();
        stream.Send("question"u8);
        pair.Step();
        Assert.Equal("question"u8, end.ReadAll());
        end.Send("answer"u8);
        pair.Step();
        Assert.Equal("answer"u8, stream.ReadAll());
        Assert.Equal(HalfCloseSupport.Unsupported, pair.Client.HalfClose);
        Assert.Equal(HalfCloseSupport.Unsupported, pair.Server.HalfClose);
    }

    [Fact]
    public void AServerNeverSendsTheHelloUnasked()
    {
        PacketPool pool = new(track: true);
        using SmuxSession server = new(EndpointRole.Server, s_options, pool, default);
        server.Receive(pool, [.. Frame(SmuxCommand.Syn, 3), .. Frame(SmuxCommand.Psh, 3, "x"u8), .. Frame(SmuxCommand.Nop, 1)]);
        TransportStream stream = server.Events().First(static e => e.Kind == StreamEventKind.Accepted).Stream!;
        stream.ReadAll();
        stream.Close();
        Assert.Equal([(SmuxCommand.Upd, 3u), (SmuxCommand.Fin, 3u)], Flush(server));
    }

    [Fact]
    public void KeepAlivesBeforeTheFirstStreamDoNotCount()
    {
        using MuxPair pair = new(s_options);
        for (int i = 0; i < 5; i++)
        {
            pair.Now += s_options.KeepAliveInterval;
            pair.Step();
        }

        Assert.Equal(HalfCloseSupport.Unknown, pair.Client.HalfClose);
        Assert.Equal(HalfCloseSupport.Unknown, pair.Server.HalfClose);
        pair.Open();
        pair.Step();
        Assert.Equal(HalfCloseSupport.Supported, pair.Client.HalfClose);
        Assert.Equal(HalfCloseSupport.Supported, pair.Server.HalfClose);
    }

    [Fact]
    public void AServerThatSpokeBeforeTheHelloArrivedCannotSupportIt()
    {
        PacketPool pool = new(track: true);
        using SmuxSession client = new(EndpointRole.Client, s_options, pool, default);
        using SmuxSession server = new(EndpointRole.Server, s_options, pool, default);
        client.TryOpen(default);
        Flush(client);
        server.Receive(pool, Frame(SmuxCommand.Syn, 3));
        TransportStream stream = server.Events()[0].Stream!;
        stream.Source = new ArraySource();
        stream.Send("banner"u8);
        Flush(server);
        server.Receive(pool, Frame(SmuxCommand.Nop, 1));
        Assert.Empty(Flush(server));
        client.Receive(pool, Frame(SmuxCommand.Psh, 3, "banner"u8));
        Assert.Equal(HalfCloseSupport.Unsupported, server.HalfClose);
        Assert.Equal(HalfCloseSupport.Unsupported, client.HalfClose);
    }

    [Fact]
    public void TheHelloFollowsItsOpeningAcrossAFullPipe()
    {
        using SmuxSession client = new(EndpointRole.Client, s_options, PacketPool.Shared, default);
        client.TryOpen(default);
        client.TryOpen(default);
        RecordingOutput output = new();
        for (int i = 0; i < 3; i++)
        {
            output.Capacity = 1;
            client.Flush(output, Timestamp.FromMilliseconds(i * 10_000));
        }

        Assert.Equal(
            [(SmuxCommand.Syn, 3u), (SmuxCommand.Nop, 1u), (SmuxCommand.Nop, 0u)],
            output.Take().Select(static f => (f.Header.Command, f.Header.StreamId)));
    }

    [Fact]
    public void FinEndsOneDirection()
    {
        using MuxPair pair = new(s_options);
        (TransportStream stream, TransportStream end) = pair.Open();
        pair.Step();
        pair.Client.Events();
        pair.Server.Events();
        stream.Send("question"u8);
        stream.FinishWrites();
        pair.Step();
        Assert.Equal([StreamEventKind.Readable, StreamEventKind.ReadsFinished], pair.Server.Kinds());
        Assert.Equal("question"u8, end.ReadAll());
        Assert.True(stream.IsWriteFinished && end.IsReadFinished);
        Assert.False(stream.IsReadFinished || end.IsWriteFinished);

        byte[] answer = new byte[1_000_000];
        new Random(3).NextBytes(answer);
        end.Send(answer);
        end.FinishWrites();
        List<byte> received = [];
        while (!stream.IsReadFinished)
        {
            pair.Step();
            received.AddRange(stream.ReadAll());
        }

        Assert.Equal(answer, received);
        Assert.True(stream.IsClosed && end.IsClosed);
        Assert.False(stream.IsReset || end.IsReset);
        Assert.Equal(0, pair.Client.StreamCount + pair.Server.StreamCount);
    }

    [Fact]
    public void AbortResetsThePeersStream()
    {
        using MuxPair pair = new(s_options);
        (TransportStream stream, TransportStream end) = pair.Open();
        pair.Step();
        stream.Send(new byte[1000]);
        end.Send(new byte[1_000_000]);
        pair.Step();
        pair.Client.Events();
        pair.Server.Events();
        stream.Abort();
        pair.Step();
        Assert.Equal([new StreamEvent(StreamEventKind.Reset, end)], pair.Server.Events());
        Assert.Equal(StreamResetReason.ByPeer, end.ResetReason);
        Assert.True(end.IsReadFinished && end.IsWriteFinished && end.IsClosed && stream.IsClosed);
        Assert.False(stream.IsReset);
        Assert.False(end.TryRead(out _));
        Assert.Equal(0, pair.Client.StreamCount + pair.Server.StreamCount);
        Assert.Equal(s_options.ReceiveLimit, pair.Server.Memory.Tokens);
        Assert.Equal(s_options.ReceiveLimit, pair.Client.Memory.Tokens);
        Assert.False(pair.Server.HasPendingOutput);
        Assert.Empty(pair.Client.Events());
    }

    [Fact]
    public void BothEndsMayAbortAtOnce()
    {
        using MuxPair pair = new(s_options);
        (TransportStream stream, TransportStream end) = pair.Open();
        pair.Step();
        pair.Client.Events();
        stream.Abort();
        end.Abort();
        pair.Step();
        Assert.Equal(0, pair.Client.StreamCount + pair.Server.StreamCount);
        Assert.Empty(pair.Client.Events());
        Assert.Empty(pair.Server.Events());
    }

    [Fact]
    public void CloseLosesNothingThatWasWritten()
    {
        using MuxPair pair = new(s_options, pipe: 10000);
        (TransportStream stream, TransportStream end) = pair.Open();
        pair.Step();
        pair.Client.Events();
        end.Send(new byte[10_000_000]);
        pair.Step(3);
        byte[] sent = new byte[100_000];
        new Random(4).NextBytes(sent);
        stream.Send(sent);
        stream.Close();
        pair.Step(30);
        Assert.True(stream.IsClosed);
        Assert.Contains(new StreamEvent(StreamEventKind.WritesStopped, end), pair.Server.Events());
        Assert.Equal(sent, end.ReadAll());
        Assert.True(end.IsReadFinished && end.IsClosed);
        Assert.False(end.IsReset);
        Assert.True(((ArraySource)end.Source!).Left > 0);
        Assert.Equal(0, pair.Client.StreamCount + pair.Server.StreamCount);
    }

    [Fact]
    public void AClosedStreamKeepsThePeersWritesMovingUntilItsOwnAreOut()
    {
        // The peer reads only after it wrote a megabyte; the window must not stop it while we still have data for it.
        using MuxPair pair = new(s_options, s_options with { StreamBuffer = 10000 });
        (TransportStream stream, TransportStream end) = pair.Open();
        end.Send(new byte[1_000_000]);
        stream.Send(new byte[300_000]);
        stream.Close();
        pair.Step(20);
        Assert.Equal(0, ((ArraySource)end.Source!).Left);
        Assert.False(stream.IsClosed);
        end.ReadAll();
        for (int i = 0; i < 30; i++)
        {
            pair.Step();
            end.ReadAll();
        }

        Assert.True(stream.IsClosed && end.IsReadFinished);
    }

    [Fact]
    public void AStreamGivenUpBeforeItWasAcceptedIsNeverTold()
    {
        using MuxPair pair = new(s_options with { AcceptBacklog = 2 });
        pair.Open();
        pair.Step();
        for (int i = 0; i < 5; i++)
        {
            TransportStream stream = pair.Client.TryOpen(default)!;
            pair.Step();
            stream.Abort();
            pair.Step();
        }

        Assert.Empty(pair.Server.Events());
        Assert.Equal(0, pair.Server.Statistics.StreamsRefused);
        Assert.Equal(1, pair.Server.StreamCount);
    }

    [Fact]
    public void ARefusedStreamIsReset()
    {
        using MuxPair pair = new(s_options with { MaxStreams = 2 });
        pair.Open();
        pair.Step();
        pair.Client.Events();
        TransportStream local = pair.Server.TryOpen(default)!;
        TransportStream refused = pair.Client.TryOpen(default)!;
        pair.Step(2);
        Assert.True(local.IsReset);
        Assert.True(refused.IsReset);
    }

    [Fact]
    public void WhileThePeerIsUnknownAnAbortSaysItInBothWays()
    {
        PacketPool pool = new(track: true);
        using SmuxSession client = new(EndpointRole.Client, s_options, pool, default);
        TransportStream stream = client.TryOpen(default)!;
        Flush(client);
        stream.Abort();
        Assert.Equal([(SmuxCommand.Nop, 3u), (SmuxCommand.Fin, 3u)], Flush(client));
        Assert.Equal(0, client.StreamCount);

        using SmuxSession server = new(EndpointRole.Server, s_options, pool, default);
        server.Receive(pool, [.. Frame(SmuxCommand.Syn, 3), .. Frame(SmuxCommand.Nop, 1)]);
        server.Receive(pool, [.. Frame(SmuxCommand.Nop, 3), .. Frame(SmuxCommand.Fin, 3)]);
        Assert.Equal([StreamEventKind.HalfCloseKnown], server.Kinds());
        Assert.Equal(0, server.StreamCount);
    }

    [Fact]
    public void WithoutSupportANopWithAStreamsIdMeansNothing()
    {
        PacketPool pool = new(track: true);
        using SmuxSession server = new(EndpointRole.Server, s_options, pool, default);
        server.Receive(pool, [.. Frame(SmuxCommand.Syn, 3), .. Frame(SmuxCommand.Psh, 3, "x"u8), .. Frame(SmuxCommand.Nop, 3)]);
        Assert.DoesNotContain(StreamEventKind.Reset, server.Kinds());
        Assert.Equal(1, server.StreamCount);
    }
}
