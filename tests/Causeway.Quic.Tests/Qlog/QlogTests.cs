using System.Text.Json;
using Causeway.Protocol;
using Causeway.Quic.Paths;
using Causeway.Quic.Qlog;
using Causeway.Quic.Recovery;
using Causeway.Quic.Tests.Simulation;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Qlog;

/// <summary>The logs of both ends of a connection, held against the schema, the engine's counts and each other.</summary>
public sealed class QlogTests
{
    [Theory]
    [InlineData("Clean")]
    [InlineData("Lossy5")]
    [InlineData("Lossy20")]
    [InlineData("Reordering")]
    [InlineData("Duplicating")]
    [InlineData("Corrupting")]
    [InlineData("Blackout1s")]
    [InlineData("Rebinding")]
    public void LogsFitTheSchemaAndEachOther(string plan)
    {
        QlogFile client = new();
        QlogFile server = new();
        using QuicPair pair = new(FaultPlans.Named(plan, 3), client.Options(), server.Options());
        pair.Connect();
        for (int i = 0; i < 3; i++)
        {
            pair.Open(60_000, 200_000);
        }

        pair.Transfer(TimeSpan.FromMinutes(2));
        pair.Client.Session!.BeginClose(0x17, "that was all", Now(pair, pair.Client));
        pair.RunUntil(() => pair.Client.Session.IsDrained, TimeSpan.FromMinutes(1));
        QuicSession[] sessions = [pair.Client.Session, pair.Server.Session!];
        pair.Close();
        foreach ((QuicSession session, QlogFile file, QlogFile other) in (ReadOnlySpan<(QuicSession, QlogFile, QlogFile)>)[(sessions[0], client, server), (sessions[1], server, client)])
        {
            file.Check();
            List<(string Type, long Number)> sent = file.Packets("transport:packet_sent");
            Assert.Equal(sent.Count, sent.Select(static packet => (Space(packet.Type), packet.Number)).Distinct().Count());
            Assert.Equal(session.Statistics.PacketsSent, sent.Count);
            Assert.Equal(session.Recovery[PacketSpaceId.Application].NextNumber - 1, sent.Where(static packet => packet.Type == "1RTT").Max(static packet => packet.Number));
            List<(string Type, long Number)> received = file.Packets("transport:packet_received");
            Assert.Equal(session.Statistics.PacketsReceived, received.Count);
            Assert.Equal(received.Count, received.Distinct().Count());
            Assert.Subset(other.Packets("transport:packet_sent").ToHashSet(), received.ToHashSet());
            List<(string Type, long Number)> lost = file.Packets("recovery:packet_lost");
            Assert.Subset(sent.ToHashSet(), lost.ToHashSet());
            Assert.Equal(session.Statistics.PacketsLost, file.Of("recovery:packet_lost").Count(static data => !data.TryGetProperty("is_mtu_probe_packet", out _)));
            Assert.NotEmpty(file.Of("recovery:metrics_updated"));
        }

        Assert.True(server.Of("recovery:packet_lost").Count() > 5 || !plan.StartsWith("Lossy", StringComparison.Ordinal));
        Assert.Equal("remote", Assert.Single(server.Of("connectivity:connection_closed")).GetProperty("owner").GetString());
        JsonElement closed = Assert.Single(client.Of("connectivity:connection_closed"));
        Assert.Equal(0x17, closed.GetProperty("application_code").GetInt32());
        Assert.Equal("that was all", closed.GetProperty("reason").GetString());
    }

    [Fact]
    public void TheHeaderNamesTheConnectionAndItsEnd()
    {
        QlogFile client = new();
        QlogFile server = new();
        using QuicPair pair = new(FaultPlans.Named("Clean", 1), client.Options(), server.Options(static s => s with { Retry = AddressValidationMode.Always }));
        pair.Connect();
        pair.Close();
        string id = client.Header.GetProperty("trace").GetProperty("common_fields").GetProperty("ODCID").GetString()!;
        Assert.Equal($"{id}_client.sqlog", client.Name);
        Assert.Equal($"{id}_server.sqlog", server.Name);
        Assert.Equal("server", server.Header.GetProperty("trace").GetProperty("vantage_point").GetProperty("type").GetString());
        Assert.Single(client.Of("transport:packet_received"), static data => data.GetProperty("header").GetProperty("packet_type").GetString() == "retry");
        client.Check();
        server.Check();
    }

    [Fact]
    public void VersionNegotiationIsLogged()
    {
        QlogFile client = new();
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1),
            client.Options(static s => s with { Versions = [QuicVersion.V1, QuicVersion.V2] }),
            new QuicPeerOptions { Configure = static s => s with { Versions = [QuicVersion.V2] } });
        pair.Connect();
        pair.Close();
        client.Check();
        Assert.Equal(["00000001", "6b3343cf"], client.Of("transport:version_information").Select(static data => data.GetProperty("chosen_version").GetString()!));
        Assert.Single(client.Of("transport:packet_received"), static data => data.TryGetProperty("supported_versions", out _));
    }

    [Fact]
    public void KeyUpdatesAreLoggedAtBothEndsOnce()
    {
        QlogFile client = new();
        QlogFile server = new();
        using QuicPair pair = new(FaultPlans.Named("Clean", 1), client.Options(), server.Options());
        pair.Connect();
        pair.Open(500_000, 500_000);
        pair.Network.Run(TimeSpan.FromMilliseconds(100));
        Assert.True(pair.Client.Session!.UpdateKeys());
        pair.Transfer(TimeSpan.FromSeconds(30));
        pair.Network.Run(TimeSpan.FromSeconds(2));
        pair.Close();
        foreach ((QlogFile file, string trigger) in (ReadOnlySpan<(QlogFile, string)>)[(client, "local_update"), (server, "remote_update")])
        {
            file.Check();
            JsonElement[] updates = [.. file.Of("security:key_updated").Where(static data => data.TryGetProperty("generation", out JsonElement g) && g.GetInt32() == 1)];
            Assert.Equal(["client_1rtt_secret", "server_1rtt_secret"], updates.Select(static data => data.GetProperty("key_type").GetString()!));
            Assert.All(updates, data => Assert.Equal(trigger, data.GetProperty("trigger").GetString()));
            Assert.Equal(2, file.Of("security:key_discarded").Count(static data => data.TryGetProperty("generation", out _)));
        }
    }

    [Fact]
    public void SilenceIsLoggedAsTheEnd()
    {
        QlogFile client = new();
        using QuicPair pair = new(FaultPlans.Named("Clean", 1), client.Options(static s => s with { IdleTimeout = 2_000_000 }));
        pair.Connect();
        pair.RunUntil(() => pair.Client.Failure is not null, TimeSpan.FromSeconds(30));
        pair.Close();
        client.Check();
        Assert.Equal("idle_timeout", Assert.Single(client.Of("connectivity:connection_closed")).GetProperty("trigger").GetString());
    }

    [Fact]
    public void NothingSecretIsLogged()
    {
        QlogFile client = new();
        QlogFile server = new();
        List<string> secrets = [];
        QuicPeerOptions options = client.Options();
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1),
            options with { Client = options.Client with { KeyLog = (_, _, secret) => secrets.Add(Convert.ToHexStringLower(secret)) } },
            server.Options());
        pair.Connect();
        pair.Open(100_000, 100_000);
        pair.Transfer(TimeSpan.FromSeconds(30));
        secrets.Add(Convert.ToHexStringLower(pair.Client.Session!.PeerParameters.StatelessResetToken!.Value.Span));
        secrets.Add(Convert.ToHexStringLower(pair.Client.Session.LatestToken.Span));
        pair.Close();
        Assert.True(secrets.Count >= 6 && secrets.TrueForAll(static secret => secret.Length >= 32));
        Assert.All(secrets, secret => Assert.DoesNotContain(secret, client.Text + server.Text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(40_000)]
    public void AStreamThatFailsEndsOnlyTheLog(int after)
    {
        FailingStream stream = new(after);
        QuicPeerOptions options = new() { Configure = s => s with { Qlog = QlogTrace.Opener(_ => stream) } };
        using QuicPair pair = new(FaultPlans.Named("Lossy5", 1), options, new QuicPeerOptions());
        pair.Connect();
        pair.Open(300_000, 300_000);
        pair.Transfer(TimeSpan.FromMinutes(1));
        Assert.True(stream.IsClosed);
        pair.Close();
        Assert.Equal(1, stream.Failures);
    }

    [Fact]
    public void ALogThatCannotBeOpenedIsNone()
    {
        QuicPeerOptions options = new() { Configure = static s => s with { Qlog = QlogTrace.Opener(static name => throw new IOException(name)) } };
        using QuicPair pair = new(FaultPlans.Named("Clean", 1), options);
        pair.Connect();
        pair.Close();
    }

    private static Timestamp Now(QuicPair pair, QuicPeer peer) =>
        pair.Network.Clock.Now + (ReferenceEquals(peer, pair.Server) ? TimeSpan.FromSeconds(17) : TimeSpan.Zero);

    private static string Space(string type) => type is "0RTT" or "1RTT" ? "application" : type;

    /// <summary>Takes so many bytes, and then fails.</summary>
    private sealed class FailingStream(int capacity) : MemoryStream
    {
        public int Failures { get; private set; }

        public bool IsClosed { get; private set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (Length + buffer.Length > capacity)
            {
                Failures++;
                throw new IOException("the disk is full");
            }

            base.Write(buffer);
        }

        protected override void Dispose(bool disposing)
        {
            IsClosed = true;
            base.Dispose(disposing);
            throw new IOException("the disk is still full");
        }
    }
}
