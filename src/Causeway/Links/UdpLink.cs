using System.Net;
using System.Net.Sockets;
using Causeway.Links.Udp;
using Causeway.Links.Udp.Linux;
using Causeway.Protocol;
using Microsoft.Extensions.Logging;

namespace Causeway.Links;

/// <summary>A UDP socket as a link: bound, with many peers, or connected to one.</summary>
/// <remarks>
/// What the network refuses is counted in <see cref="Statistics"/> and lost, like any datagram; so are ICMP errors.
/// <para>
/// A link that is bound to any address tells the one that a datagram came to in <see cref="DatagramPath.Local"/> of its path,
/// and sends from the one in the path that it is given; see <see cref="UdpLinkStatistics.TellsLocalAddress"/>.
/// </para>
/// Disposing ends pending operations with <see cref="ObjectDisposedException"/>; it may be done at any time and more
/// than once.
/// </remarks>
public sealed class UdpLink : IDatagramLink, IConnectedLink
{
    private const int LinuxBatch = 128;
    private const int PortableBatch = 32;

    private readonly Socket _socket;
    private readonly UdpSender _sender;
    private readonly UdpReceiver _receiver;
    private readonly UdpCounters _counters = new();
    private readonly PeerAddress _connectedPeer;
    private readonly ILogger? _logger;

    private UdpLink(Socket socket, PeerAddress connectedPeer, UdpLinkOptions options, List<string> warnings)
    {
        _socket = socket;
        _socket.Blocking = false;
        _connectedPeer = connectedPeer;
        _logger = options.Logger;
        LocalEndPoint = socket.LocalEndPoint!;
        Warnings = warnings;
        Engine = ChooseEngine(socket, options);
        if (Engine == UdpEngine.Linux)
        {
            _sender = new LinuxUdpSender(socket, connectedPeer, options, _counters);
            _receiver = new LinuxUdpReceiver(socket, options, _counters);
        }
        else
        {
            _sender = new PortableUdpSender(socket, connectedPeer, _counters);
            _receiver = new PortableUdpReceiver(socket, options, _counters);
        }

        Capabilities = new DatagramLinkCapabilities
        {
            MaxDatagramSize = options.MaxDatagramSize,
            PreferredBatch = Engine == UdpEngine.Linux ? LinuxBatch : PortableBatch,
        };

        if (options.BackgroundLogger is { } logger)
        {
            foreach (string warning in warnings)
            {
                UdpLinkLog.Warning(logger, LocalEndPoint, warning);
            }
        }
    }

    /// <inheritdoc/>
    public DatagramLinkCapabilities Capabilities { get; }

    /// <inheritdoc/>
    public EndPoint LocalEndPoint { get; }

    /// <summary>The engine in use, never <see cref="UdpEngine.Auto"/>.</summary>
    public UdpEngine Engine { get; }

    /// <summary>Options that the system did not grant; the link works without.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Counters.</summary>
    public UdpLinkStatistics Statistics => _counters.Snapshot();

    /// <summary>Called, on any thread, when the system says that nobody listens at the peer's address.</summary>
    internal Action? PeerRefused
    {
        set => _counters.PeerRefused = value;
    }

    /// <summary>
    /// Makes a link that receives from anyone. Received datagrams carry their sender as
    /// <see cref="PacketBuffer.Peer"/>, and every datagram sent needs one: those without are lost and counted as
    /// refused.
    /// </summary>
    /// <param name="local">Where to listen; port 0 lets the system choose.</param>
    /// <param name="options">Options, or null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="SocketException">The address is in use or not this machine's.</exception>
    /// <exception cref="PlatformNotSupportedException">The engine asked for does not run here.</exception>
    public static UdpLink Bind(IPEndPoint local, UdpLinkOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(local);
        options ??= new UdpLinkOptions();
        options.Validate();
        List<string> warnings = [];
        return Open(UdpSocketFactory.Bind(local, options, warnings), connectedPeer: default, options, warnings);
    }

    /// <summary>
    /// Makes a link to one peer, from a port of the system's choice. Datagrams without a
    /// <see cref="PacketBuffer.Peer"/> go to it, and only its datagrams are received.
    /// </summary>
    /// <param name="remote">The peer.</param>
    /// <param name="options">
    /// Options, or null for the defaults; <see cref="UdpLinkOptions.DualMode"/> has no meaning here.
    /// </param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="SocketException">There is no route to the peer.</exception>
    /// <exception cref="PlatformNotSupportedException">The engine asked for does not run here.</exception>
    public static UdpLink Connect(IPEndPoint remote, UdpLinkOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(remote);
        options ??= new UdpLinkOptions();
        options.Validate();
        List<string> warnings = [];
        Socket socket = UdpSocketFactory.Connect(remote, options, warnings);
        return Open(socket, PeerAddress.FromEndPoint(remote), options, warnings);
    }

    /// <inheritdoc/>
    public ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
        _receiver.ReceiveAsync(buffers, cancellationToken);

    /// <inheritdoc/>
    public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
        _sender.SendAsync(buffers, cancellationToken);

    bool IConnectedLink.TryDisconnect()
    {
        if (!_sender.IsConnected || !OperatingSystem.IsLinux())
        {
            return false;
        }

        // Before it is true, so that nothing leaves without an address; a port given up by a failure is the system's to choose.
        _sender.IsConnected = false;
        bool isDone = SocketAssociation.TryDissolve(_socket);
        if (_logger is not null)
        {
            UdpLinkLog.Disconnected(_logger, LocalEndPoint, _connectedPeer, isDone);
        }

        return true;
    }

    bool IConnectedLink.TryReconnect() =>
        _sender.IsConnected || (!_connectedPeer.IsNone && SocketAssociation.TryMake(_socket, _connectedPeer) && (_sender.IsConnected = true));

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        // First the halves, so that what fails by the closing of the socket knows why.
        _sender.Close();
        _receiver.Close();
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private static UdpLink Open(Socket socket, PeerAddress connectedPeer, UdpLinkOptions options, List<string> warnings)
    {
        try
        {
            return new UdpLink(socket, connectedPeer, options, warnings);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static UdpEngine ChooseEngine(Socket socket, UdpLinkOptions options)
    {
        if (options.Engine == UdpEngine.Portable)
        {
            return UdpEngine.Portable;
        }

        if (LinuxSocketApi.IsAvailable(socket.SafeHandle))
        {
            return UdpEngine.Linux;
        }

        return options.Engine == UdpEngine.Auto
            ? UdpEngine.Portable
            : throw new PlatformNotSupportedException("The Linux engine needs recvmmsg and sendmmsg of 64-bit Linux.");
    }
}
