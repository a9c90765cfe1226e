using System.Text;

using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>A client and a server that hand each other their bytes, by levels, in virtual time.</summary>
internal sealed class HandshakePair : IDisposable
{
    public static readonly byte[] ClientParameters = [1, 2, 3, 4, 5];
    public static readonly byte[] ServerParameters = [6, 7, 8, 9];

    private readonly TlsServerOptions _serverOptions;

    public HandshakePair(TlsClientOptions? client = null, TlsServerOptions? server = null, int seed = 1, Timestamp? now = null)
    {
        Now = now ?? Timestamp.FromMilliseconds(1_000_000);
        _serverOptions = server ?? ServerOptions();
        Client = new Tls13Client(client ?? ClientOptions(), Environment(seed)) { LocalTransportParameters = ClientParameters };
        Server = new Tls13Server(Environment(seed + 1000)) { LocalTransportParameters = ServerParameters };
    }

    public Timestamp Now { get; set; }

    public Tls13Client Client { get; }

    public Tls13Server Server { get; }

    public List<Recorded> ClientEvents { get; } = [];

    public List<Recorded> ServerEvents { get; } = [];

    /// <summary>Changes bytes on the way: from, level, bytes. Null results are dropped.</summary>
    public Func<EndpointRole, EncryptionLevel, byte[], byte[]?> OnTheWay { get; set; } = (_, _, bytes) => bytes;

    /// <summary>How many bytes are handed over at once.</summary>
    public int ChunkSize { get; set; } = int.MaxValue;

    public HandshakeFailure? CertificateRefusal { get; set; }

    public static ReadOnlyMemory<byte>[] Protocols { get; } = [Encoding.ASCII.GetBytes("causeway/1")];

    public static HandshakeEnvironment Environment(int seed)
    {
        Random random = new(seed);
        return new HandshakeEnvironment(random.NextBytes, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    }

    public static TlsClientOptions ClientOptions() =>
        new() { ServerName = TestCertificates.ServerName, ApplicationProtocols = Protocols, Groups = [NamedGroup.X25519] };

    public static TlsServerOptions ServerOptions() =>
        new() { ApplicationProtocols = Protocols, Credentials = [TestCertificates.Credential("P-256")] };

    public HandshakePair Run(bool start = true)
    {
        if (start)
        {
            Client.Start(Now);
            Server.Start(Now);
        }

        while (Pump(Client, ClientEvents, Server) | Pump(Server, ServerEvents, Client))
        {
        }

        return this;
    }

    /// <summary>Runs, and expects that both ends complete with the same secrets.</summary>
    public HandshakePair RunToCompletion()
    {
        Run();
        Assert.Null(Client.Failure);
        Assert.Null(Server.Failure);
        Assert.True(Client.IsComplete && Server.IsComplete);
        foreach (EncryptionLevel level in new[] { EncryptionLevel.Handshake, EncryptionLevel.Application })
        {
            AssertSecretsMatch(level);
        }

        return this;
    }

    public void AssertSecretsMatch(EncryptionLevel level)
    {
        Assert.Equal(Secret(ClientEvents, HandshakeEventKind.WriteSecret, level), Secret(ServerEvents, HandshakeEventKind.ReadSecret, level));
        if (level != EncryptionLevel.EarlyData)
        {
            Assert.Equal(
                Secret(ClientEvents, HandshakeEventKind.ReadSecret, level), Secret(ServerEvents, HandshakeEventKind.WriteSecret, level));
        }
    }

    public List<byte[]> Tickets() =>
        [.. ClientEvents.Where(step => step.Kind == HandshakeEventKind.TicketReceived).Select(step => step.Bytes)];

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }

    private static byte[] Secret(List<Recorded> events, HandshakeEventKind kind, EncryptionLevel level) =>
        Assert.Single(events, step => step.Kind == kind && step.Level == level).Bytes;

    private bool Pump(IHandshake from, List<Recorded> record, IHandshake to)
    {
        bool moved = false;
        while (from.TryReadEvent(out HandshakeEvent step))
        {
            moved = true;
            record.Add(new Recorded(step.Kind, step.Level, step.Suite, step.Bytes.ToArray()));
            switch (step.Kind)
            {
                case HandshakeEventKind.Output:
                    byte[]? bytes = OnTheWay(from.Role, step.Level, step.Bytes.ToArray());
                    for (int start = 0; bytes is not null && start < bytes.Length; start += Math.Min(ChunkSize, bytes.Length - start))
                    {
                        to.Input(step.Level, bytes.AsSpan(start, Math.Min(ChunkSize, bytes.Length - start)), Now);
                    }

                    break;
                case HandshakeEventKind.ServerOptionsNeeded:
                    ((Tls13Server)from).AnswerServerOptions(_serverOptions, Now);
                    break;
                case HandshakeEventKind.CertificateCheckNeeded:
                    from.AnswerCertificateCheck(CertificateRefusal, Now);
                    break;
                default:
                    break;
            }
        }

        return moved;
    }

    /// <summary>An event whose bytes are kept.</summary>
    internal sealed record Recorded(HandshakeEventKind Kind, EncryptionLevel Level, CipherSuite Suite, byte[] Bytes);
}
