using System.Net;
using System.Net.Sockets;
using Causeway.Kcp;
using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;
using Causeway.Kcp.Smux;
using Causeway.Kcptun.Compression;
using Causeway.Kcptun.Configuration;
using Causeway.Kcptun.Crypt;
using Causeway.Kcptun.Qpp;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Protocol.Streams;

namespace Causeway.Kcptun;

/// <summary>
/// What a kcptun configuration means to Causeway: the layers with their settings, the socket's options, and the keys,
/// which are derived once. Keep it for as long as connections or listeners are made from it, then dispose of it.
/// </summary>
/// <remarks>
/// Sessions that are live when it is disposed go on: they hold what they need of the keys.
/// </remarks>
public sealed class KcptunProfile : IDisposable
{
    // What kcptun gives its smux, whatever it is configured to (docs/wire/kcptun.md 7.9).
    private static readonly TimeSpan s_peerTimeout = TimeSpan.FromSeconds(30);

    private readonly KcptunKey _key;
    private readonly CryptCounters _counters = new();

    /// <summary>Derives the keys and the pads of QPP, and translates the options.</summary>
    /// <param name="config">A configuration; it is validated.</param>
    /// <exception cref="KcptunConfigException">An option cannot be used; the message names it.</exception>
    public KcptunProfile(KcptunConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config switch
        {
            KcptunClientConfig client => client.Validated(),
            KcptunServerConfig server => server.Validated(),
            _ => throw new ArgumentException("The configuration must be a client's or a server's.", nameof(config)),
        };
        Crypt = KcptunCrypt.Resolve(Config.Crypt, out _);
        _key = new KcptunKey(Config.Key);
        Transport = NewTransport();
    }

    /// <summary>The validated configuration.</summary>
    public KcptunConfig Config { get; }

    /// <summary>
    /// The packet crypt in use: that of the configuration, or <c>aes</c> if it names none and asks for <see cref="KcptunConfig.Compat"/>.
    /// </summary>
    public KcptunCrypt Crypt { get; }

    /// <summary>
    /// The layers and their settings with what the socket needs, for <see cref="CausewayOptions.Profile"/>: options made by
    /// hand get with it all that <see cref="NewClientOptions"/> and <see cref="NewListenerOptions"/> set but addresses.
    /// </summary>
    public KcpProfile Transport { get; }

    /// <summary>
    /// Datagrams whose checksum or tag was wrong, over all links made from the profile: kcptun's InCsumErrors.
    /// </summary>
    public long ChecksumErrors => Volatile.Read(ref _counters.NotAuthentic);

    /// <summary>Datagrams too short to be meant for the crypt.</summary>
    public long TooShort => Volatile.Read(ref _counters.TooShort);

    /// <summary>
    /// Datagrams that an end of the profile had sent itself, and that came back to it: somebody replays them.
    /// </summary>
    public long Reflected => Volatile.Read(ref _counters.Reflected);

    /// <summary>
    /// Settings of the next connection of a client: a port of the range is chosen anew each time
    /// (docs/wire/kcptun.md 10.1), and the name is looked up by the connection.
    /// </summary>
    /// <exception cref="InvalidOperationException">The configuration is a server's.</exception>
    public CausewayClientOptions NewClientOptions()
    {
        KcptunClientConfig config = Config as KcptunClientConfig
            ?? throw new InvalidOperationException("The configuration is not a client's.");
        EndpointRange range = EndpointRange.Parse(config.RemoteAddress, "remoteaddr");
        string host = range.Host.Length == 0 ? "localhost" : range.Host;
        int port = range.PickPort(Random.Shared);
        return new CausewayClientOptions
        {
            Profile = Transport,
            RemoteEndPoint = IPAddress.TryParse(host, out IPAddress? address)
                ? new IPEndPoint(ToDial(address), port)
                : new DnsEndPoint(host, port),
        };
    }

    /// <summary>Settings of a server's listeners, one for each port of the range.</summary>
    /// <exception cref="InvalidOperationException">The configuration is a client's.</exception>
    /// <exception cref="KcptunConfigException">The host to listen on has no address.</exception>
    public IReadOnlyList<CausewayListenerOptions> NewListenerOptions()
    {
        KcptunServerConfig config = Config as KcptunServerConfig
            ?? throw new InvalidOperationException("The configuration is not a server's.");
        EndpointRange range = EndpointRange.Parse(config.Listen, "listen");
        IPAddress address = ListenAddress(range.Host);
        UdpLinkOptions udp = new() { DualMode = range.Host.Length == 0 && Socket.OSSupportsIPv6 };
        IEnumerable<CausewayListenerOptions> listeners = Enumerable.Range(range.MinPort, range.PortCount).Select(
            port => new CausewayListenerOptions
            {
                Profile = Transport,
                Udp = udp,
                ListenEndPoint = new IPEndPoint(address, port),
                Shards = config.Shards,
            });
        return
        [
            .. config.MaxConnections == 0
                ? listeners
                : listeners.Select(listener => listener with { MaxConnections = config.MaxConnections }),
        ];
    }

    /// <summary>Zeroes the keys. No connection or listener can be made from the profile any more.</summary>
    public void Dispose() => _key.Dispose();

    // To Go, who dials "all addresses" means this host.
    private static IPAddress ToDial(IPAddress address) => address.Equals(IPAddress.Any) ? IPAddress.Loopback
        : address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback
        : address;

    private static IPAddress ListenAddress(string host)
    {
        if (host.Length == 0)
        {
            return Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        }

        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            return address;
        }

        try
        {
            IPAddress[] addresses = Dns.GetHostAddresses(host);
            return Array.Find(addresses, static a => a.AddressFamily == AddressFamily.InterNetwork)
                ?? (addresses.Length > 0 ? addresses[0] : throw new SocketException((int)SocketError.HostNotFound));
        }
        catch (SocketException error)
        {
            throw new KcptunConfigException(
                $"listen has the host \"{host}\"; expected an address of this machine or a name of one ({error.Message})", error);
        }
    }

    private KcpProfile NewTransport()
    {
        KcptunConfig config = Config;
        int fastResend = Math.Clamp(config.Resend, 0, 64);
        QppPad? pad = config.Qpp ? new QppPad(_key.Seed, config.QppCount) : null;
        TransportTuning tuning = new(config);
        return new KcpProfile
        {
            Mtu = config.Mtu,
            Arq = new ArqOptions
            {
                SendWindow = tuning.SendWindow is { } window ? Math.Min(window, ushort.MaxValue) : null,
                ReceiveWindow = tuning.ReceiveWindow,
                NoDelay = config.NoDelay != 0,
                Interval = TimeSpan.FromMilliseconds(config.Interval),
                FastResend = fastResend,
                AckNoDelay = config.AckNoDelay,
                Ecn = config.Ecn,
            },
            Fec = config.AdaptsFec ? FecOptions.Auto
                : config.UsesFec ? new FecOptions { DataShards = config.DataShards, ParityShards = config.ParityShards }
                : FecOptions.Off,
            Mux = new SmuxOptions
            {
                Version = config.SmuxVersion,
                MaxFrameSize = config.FrameSize,
                ReceiveBuffer = tuning.SmuxBuffer,
                StreamBuffer = tuning.StreamBuffer,
                KeepAliveInterval = TimeSpan.FromSeconds(config.KeepAlive),
                KeepAliveTimeout = s_peerTimeout,
            },
            PacketProtection = () => new CountedTransform(Crypt.CreateTransform(_key), _counters),
            PipeCodec = config.NoCompression ? null : static pool => new SnappyCodec(pool),
            StreamCipher = pad is null ? null : () => new QppStreamCipher(pad),
            CongestionControl = CongestionControllers.ByName(tuning.CongestionControl, fastResend),
            MemoryBudget = (long)config.Memory << 20,
            RateLimit = config.RateLimit,

            // 0 and other sizes that no kernel grants leave the system's choice.
            SocketBuffer = config.SocketBuffer >= 2048 ? config.SocketBuffer : null,
            Dscp = config.Dscp > 0 ? config.Dscp : null,
        };
    }

    private sealed class CryptCounters
    {
        public long NotAuthentic;
        public long TooShort;
        public long Reflected;
    }

    /// <summary>Adds what all transforms of the profile refuse: a transform's own counters go with its link.</summary>
    private sealed class CountedTransform : DatagramTransform
    {
        private readonly DatagramTransform _inner;
        private readonly CryptCounters _counters;

        public CountedTransform(DatagramTransform inner, CryptCounters counters)
        {
            _inner = inner;
            _counters = counters;
        }

        public override int Headroom => _inner.Headroom;

        public override int Tailroom => _inner.Tailroom;

        public override void PairWith(DatagramTransform sender) =>
            _inner.PairWith(sender is CountedTransform counted ? counted._inner : sender);

        public override void Protect(ReadOnlySpan<PacketBuffer> batch) => _inner.Protect(batch);

        public override int Unprotect(Span<PacketBuffer> batch)
        {
            int opened = _inner.Unprotect(batch);
            if (opened < batch.Length)
            {
                Interlocked.Add(ref _counters.NotAuthentic, _inner.NotAuthentic - NotAuthentic);
                Interlocked.Add(ref _counters.TooShort, _inner.TooShort - TooShort);
                NotAuthentic = _inner.NotAuthentic;
                TooShort = _inner.TooShort;
                Interlocked.Add(ref _counters.Reflected, _inner.Reflected - Reflected);
                Reflected = _inner.Reflected;
            }

            return opened;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
