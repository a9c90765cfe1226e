using System.Net;
using System.Net.Sockets;
using Causeway.Kcptun.Configuration;
using Causeway.Kcptun.Crypt;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.Replay;

/// <summary>What somebody without the key can do with datagrams of a session: nothing, under every crypt with nonces.</summary>
public sealed class ReplayTests
{
    private const int RequestLength = 6;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    public static TheoryData<string, bool> Crypts
    {
        get
        {
            TheoryData<string, bool> rows = [];
            foreach (string name in KcptunCrypt.All.Select(static crypt => crypt.Name).Except(["xor", "none", "null"]))
            {
                rows.Add(name, false);
            }

            rows.Add("aes", true);
            rows.Add("aes-128-gcm", true);
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Crypts))]
    public async Task ARecordedSessionExecutesNothingASecondTime(string crypt, bool usesFec)
    {
        using KcptunProfile serverProfile = new(NewServer(crypt, usesFec));
        using KcptunProfile clientProfile = new(NewClient(crypt, usesFec));
        await using CausewayListener listener = await ListenAsync(serverProfile);
        EchoServer server = new(listener);
        using RecordingRelay relay = new(listener.LocalEndPoint) { Duplicates = true };

        // Network duplicates, beginnings among them, do no harm.
        CausewayConnection client = await ConnectAsync(clientProfile, relay);
        await using (CausewayStream stream = await client.OpenStreamAsync())
        {
            for (int i = 0; i < 3; i++)
            {
                byte[] request = GoldenVectors.Pattern(RequestLength);
                await stream.WriteAsync(request).AsTask().WaitAsync(s_limit);
                await stream.ReadExactlyAsync(request).AsTask().WaitAsync(s_limit);
                Assert.Equal(GoldenVectors.Pattern(RequestLength), request);
            }
        }

        Assert.Equal(3, server.Requests);
        byte[][] recorded = [.. relay.Recorded];
        Assert.InRange(recorded.Length, 3, 1000);
        await SendFromManyPortsAsync(listener, recorded, ports: 5);
        Assert.Equal(1, listener.ConnectionCount);

        await client.DisposeAsync();
        await server.Connection!.DisposeAsync();
        Assert.Equal(0, listener.ConnectionCount);
        await SendFromManyPortsAsync(listener, recorded, ports: 20);
        await SendFromManyPortsAsync(listener, [.. recorded.Reverse()], ports: 5);
        Assert.Equal(0, listener.ConnectionCount);
        Assert.Equal(1, server.Sessions);
        Assert.Equal(3, server.Requests);

        // Whoever has the key and something new to say is heard.
        using RecordingRelay other = new(listener.LocalEndPoint);
        await using CausewayConnection next = await ConnectAsync(clientProfile, other);
        await using CausewayStream again = await next.OpenStreamAsync();
        await again.WriteAsync(new byte[RequestLength]).AsTask().WaitAsync(s_limit);
        await again.ReadExactlyAsync(new byte[RequestLength]).AsTask().WaitAsync(s_limit);
        Assert.Equal(2, server.Sessions);
    }

    [Theory]
    [MemberData(nameof(Crypts))]
    public async Task WhatComesBackToItsSenderIsNotTakenForThePeers(string crypt, bool usesFec)
    {
        using KcptunProfile serverProfile = new(NewServer(crypt, usesFec));
        using KcptunProfile clientProfile = new(NewClient(crypt, usesFec));
        await using CausewayListener listener = await ListenAsync(serverProfile);
        EchoServer server = new(listener) { Mask = 0xFF };
        using RecordingRelay relay = new(listener.LocalEndPoint) { Reflects = true };
        await using CausewayConnection client = await ConnectAsync(clientProfile, relay);
        await using CausewayStream stream = await client.OpenStreamAsync();

        // The answer differs from the request in every byte: what was reflected could not pass for it.
        byte[] sent = GoldenVectors.Pattern(20_000);
        byte[] got = new byte[sent.Length];
        for (int turn = 0; turn < 5; turn++)
        {
            await stream.WriteAsync(sent).AsTask().WaitAsync(s_limit);
            await stream.ReadExactlyAsync(got).AsTask().WaitAsync(s_limit);
            Assert.Equal(sent, got.Select(static value => (byte)(value ^ 0xFF)));
        }

        Assert.InRange(clientProfile.Reflected, 5, long.MaxValue);
        Assert.InRange(serverProfile.Reflected, 5, long.MaxValue);
        Assert.Equal(0, clientProfile.ChecksumErrors + serverProfile.ChecksumErrors);
        Assert.Equal(1, server.Sessions);
    }

    private static KcptunServerConfig NewServer(string crypt, bool usesFec) => new()
    {
        Listen = "127.0.0.1:1",
        Key = "replay",
        Crypt = crypt,
        NoCompression = true,
        DataShards = usesFec ? 3 : 0,
        ParityShards = usesFec ? 2 : 0,
    };

    private static KcptunClientConfig NewClient(string crypt, bool usesFec) => new()
    {
        RemoteAddress = "127.0.0.1:1",
        Key = "replay",
        Crypt = crypt,
        NoCompression = true,
        DataShards = usesFec ? 3 : 0,
        ParityShards = usesFec ? 2 : 0,
    };

    private static ValueTask<CausewayListener> ListenAsync(KcptunProfile profile) => CausewayListener.ListenAsync(
        profile.NewListenerOptions()[0] with { ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0) });

    private static ValueTask<CausewayConnection> ConnectAsync(KcptunProfile profile, RecordingRelay relay) =>
        CausewayConnection.ConnectAsync(profile.NewClientOptions() with { RemoteEndPoint = relay.EndPoint });

    /// <summary>The whole recording from each of so many new ports; returns when the listener has judged all of it.</summary>
    private static async Task SendFromManyPortsAsync(CausewayListener listener, byte[][] recorded, int ports)
    {
        for (int i = 0; i < ports; i++)
        {
            using Socket port = RecordingRelay.NewSocket();
            foreach (byte[] datagram in recorded)
            {
                long judged = Judged(listener);
                await port.SendToAsync(datagram, listener.LocalEndPoint);
                using CancellationTokenSource limit = new(s_limit);
                while (Judged(listener) == judged)
                {
                    limit.Token.ThrowIfCancellationRequested();
                    await Task.Yield();
                }
            }
        }
    }

    private static long Judged(CausewayListener listener) =>
        listener.Statistics.Replayed + listener.Statistics.ClosedSession + listener.Statistics.WithoutSession
        + listener.Statistics.UnknownSession;

    /// <summary>Accepts connections for ever, and answers each request of a fixed length with itself, masked.</summary>
    private sealed class EchoServer
    {
        private int _requests;
        private int _sessions;

        public EchoServer(CausewayListener listener) => _ = AcceptAsync(listener);

        public byte Mask { get; init; }

        public int Requests => Volatile.Read(ref _requests);

        public int Sessions => Volatile.Read(ref _sessions);

        public CausewayConnection? Connection { get; private set; }

        private async Task AcceptAsync(CausewayListener listener)
        {
            await Task.Yield();
            try
            {
                while (true)
                {
                    CausewayConnection connection = await listener.AcceptConnectionAsync();
                    Connection = connection;
                    Interlocked.Increment(ref _sessions);
                    _ = ServeAsync(connection);
                }
            }
            catch (Exception error) when (error is TransportException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        private async Task ServeAsync(CausewayConnection connection)
        {
            try
            {
                while (true)
                {
                    _ = AnswerAsync(await connection.AcceptStreamAsync());
                }
            }
            catch (Exception error) when (error is TransportException or IOException or ObjectDisposedException)
            {
                // The connection has ended.
            }
        }

        private async Task AnswerAsync(CausewayStream stream)
        {
            byte[] request = new byte[Mask == 0 ? RequestLength : 1000];
            try
            {
                while (true)
                {
                    int length = await stream.ReadAtLeastAsync(request, Mask == 0 ? request.Length : 1, throwOnEndOfStream: false);
                    if (length == 0)
                    {
                        await stream.DisposeAsync();
                        return;
                    }

                    Interlocked.Increment(ref _requests);
                    for (int i = 0; i < length; i++)
                    {
                        request[i] ^= Mask;
                    }

                    await stream.WriteAsync(request.AsMemory(0, length));
                }
            }
            catch (Exception error) when (error is TransportException or IOException or ObjectDisposedException)
            {
                // The connection has ended.
            }
        }
    }
}
