using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Tls13;
using Causeway.Quic.Protection;
using Causeway.Quic.Tests.Handshake;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation.Attacks;

/// <summary>
/// A peer that breaks the rules: it takes over one end of a <see cref="QuicPair"/>, with its real keys, and seals whatever frames a
/// test likes.
/// </summary>
internal sealed class Forger : IDisposable
{
    // Beyond every number that the end used itself.
    private const long FirstNumber = 100_000;

    private readonly Dictionary<string, byte[]> _secrets;
    private readonly EndpointRole _role;
    private readonly Dictionary<EncryptionLevel, PacketSealer> _sealers = [];
    private long _next = FirstNumber;
    private ConnectionId _destination;

    private Forger(QuicPair pair, EndpointRole role, Dictionary<string, byte[]> secrets)
    {
        Pair = pair;
        _role = role;
        _secrets = secrets;
        Own.OnDatagram = (_, datagram, _) =>
        {
            if ((datagram.Payload[0] & HeaderBits.Long) == 0)
            {
                _destination = new ConnectionId(datagram.Payload.Slice(1, 8));
            }

            return DatagramVerdict.Pass;
        };
    }

    public QuicPair Pair { get; }

    /// <summary>The session that is attacked.</summary>
    public QuicSession Victim => VictimPeer.Session!;

    /// <summary>What the victim sent since the forger took over.</summary>
    public SimulatedPath Answers => _role == EndpointRole.Client ? Pair.Backward : Pair.Forward;

    /// <summary>The connection id that the forger addresses the victim by.</summary>
    public ConnectionId Destination => _destination;

    private SimulatedPath Own => _role == EndpointRole.Client ? Pair.Forward : Pair.Backward;

    private QuicPeer VictimPeer => _role == EndpointRole.Client ? Pair.Server : Pair.Client;

    private QuicPeer OwnPeer => _role == EndpointRole.Client ? Pair.Client : Pair.Server;

    private SimulatedHost VictimHost => _role == EndpointRole.Client ? Pair.ServerHost : Pair.ClientHost;

    private SimulatedHost OwnHost => _role == EndpointRole.Client ? Pair.ClientHost : Pair.ServerHost;

    /// <summary>Makes a pair one end of which can be taken over.</summary>
    public static Forger Create(
        EndpointRole role = EndpointRole.Client,
        Func<QuicSettings, QuicSettings>? victim = null,
        string plan = "Clean",
        ulong seed = 1,
        int ownIdLength = 8)
    {
        Dictionary<string, byte[]> secrets = [];
        QuicPeerOptions client = new()
        {
            Client = HandshakePair.ClientOptions() with { KeyLog = (label, _, secret) => secrets[label] = secret.ToArray() },
        };
        QuicPeerOptions server = new();
        if (ownIdLength != 8)
        {
            client = client with { Configure = s => s with { IdLength = ownIdLength } };
        }

        if (role == EndpointRole.Client)
        {
            server = server with { Configure = victim ?? server.Configure };
        }
        else
        {
            client = client with { Configure = victim ?? client.Configure };
        }

        return new Forger(new QuicPair(FaultPlans.Named(plan, seed), client, server), role, secrets);
    }

    /// <summary>Completes the handshake, and a small transfer, honestly.</summary>
    public Forger Connect()
    {
        Pair.Connect();
        Pair.Open(2000, 2000);
        Pair.Transfer(TimeSpan.FromSeconds(10));
        Pair.Network.Run(TimeSpan.FromMilliseconds(500));
        return this;
    }

    /// <summary>From now on the honest end neither hears nor speaks.</summary>
    public Forger TakeOver()
    {
        OwnPeer.Filter = static _ => false;
        Own.OnDatagram = static (_, _, _) => DatagramVerdict.Drop;
        return this;
    }

    /// <summary>Sends a 1-RTT packet with frames.</summary>
    public void Send(params FrameMaker[] frames) => Send(EncryptionLevel.Application, frames, reservedBits: 0);

    /// <summary>Sends a packet with frames.</summary>
    public void Send(EncryptionLevel level, FrameMaker[] frames, byte reservedBits = 0, long? number = null, PeerAddress? from = null)
    {
        PacketBuffer datagram = Pair.Pool.Rent();
        Span<byte> room = datagram.Append(1350);
        long packetNumber = number ?? _next++;
        bool isShort = level == EncryptionLevel.Application;
        QuicSession own = OwnPeer.Session!;
        int payloadOffset = isShort
            ? PacketHeaderWriter.WriteShort(room, HeaderBits.Fixed, _destination, packetNumber, 4)
            : PacketHeaderWriter.WriteLong(
                room,
                level == EncryptionLevel.Initial ? PacketType.Initial : PacketType.Handshake,
                own.Version,
                true,
                level == EncryptionLevel.Initial && _role == EndpointRole.Client ? InitialDestination : Victim.SourceId,
                own.SourceId,
                default,
                packetNumber,
                4);
        room[0] |= reservedBits;
        Span<byte> payload = room[payloadOffset..^PacketAead.TagLength];
        int length = 0;
        foreach (FrameMaker frame in frames)
        {
            length += frame(payload[length..]);
        }

        datagram.Truncate(payloadOffset + length + PacketAead.TagLength);
        if (!isShort)
        {
            PacketHeaderWriter.SetLength(datagram.Payload, payloadOffset);
        }

        PacketSealer sealer = SealerOf(level);
        Assert.True(sealer.TrySeal(datagram.Payload, payloadOffset, packetNumber));
        sealer.ProtectHeader(datagram.Payload, payloadOffset);
        Deliver(datagram, from);
    }

    /// <summary>Has bytes arrive at the victim, from the honest end's address or another.</summary>
    public void Deliver(PacketBuffer datagram, PeerAddress? from = null)
    {
        datagram.Peer = from ?? OwnHost.Address;
        VictimPeer.Receive(datagram, VictimHost.Now);
        datagram.Release();
        VictimHost.Wake();
    }

    /// <summary>The destination id of the client's Initial packets.</summary>
    public ConnectionId InitialDestination { get; set; }

    /// <summary>Expects that the victim closes with a code, and that the honest end hears of it.</summary>
    /// <param name="code">The code.</param>
    /// <param name="isHeard">
    /// False where acknowledgements of what the forger sent are under way, which would end the honest connection first.
    /// </param>
    public void ExpectClose(TransportErrorCode code, bool isHeard = true)
    {
        OwnPeer.Filter = isHeard ? null : OwnPeer.Filter;
        Pair.RunUntil(() => Victim.Failure is not null, TimeSpan.FromSeconds(5));
        Assert.True((long)code == Victim.Failure!.ErrorCode, Victim.Failure.ToString());
        Assert.Equal(TransportFailureKind.Protocol, Victim.Failure.Kind);
        Assert.False(Victim.Failure.IsByPeer);
        Assert.False(Victim.Failure.IsApplicationError);
        Assert.Equal(1, Victim.Statistics.Violations);
        if (isHeard)
        {
            Pair.RunUntil(() => OwnPeer.Failure is not null, TimeSpan.FromSeconds(5));
            Assert.Equal((long)code, OwnPeer.Failure!.ErrorCode);
            Assert.True(OwnPeer.Failure.IsByPeer);
        }

        Pair.Close();
    }

    public void Dispose()
    {
        foreach (PacketSealer sealer in _sealers.Values)
        {
            sealer.Dispose();
        }

        Pair.Dispose();
    }

    private PacketSealer SealerOf(EncryptionLevel level)
    {
        if (_sealers.TryGetValue(level, out PacketSealer? sealer))
        {
            return sealer;
        }

        QuicSession own = OwnPeer.Session!;
        if (level == EncryptionLevel.Initial)
        {
            InitialKeys.Create(own.Version, InitialDestination, _role, new ForgeryCount(), out sealer, out PacketOpener opener);
            opener.Dispose();
        }
        else
        {
            string name = _role == EndpointRole.Client ? "CLIENT" : "SERVER";
            string label = level == EncryptionLevel.Handshake ? $"{name}_HANDSHAKE_TRAFFIC_SECRET" : $"{name}_TRAFFIC_SECRET_0";
            sealer = new PacketSealer(CipherSuite.Aes128GcmSha256, own.Version, _secrets[label]);
        }

        _sealers.Add(level, sealer);
        return sealer;
    }
}

/// <summary>Writes a frame, and returns its length.</summary>
internal delegate int FrameMaker(Span<byte> room);
