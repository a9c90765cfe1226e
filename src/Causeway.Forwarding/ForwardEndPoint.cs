using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Causeway.Forwarding;

/// <summary>
/// Where a forwarder takes connections from or makes them to: a TCP address, or the path of a Unix socket. What does not have
/// the form <c>host:port</c> is a path, as in kcptun (docs/wire/kcptun.md 10.1).
/// </summary>
public sealed class ForwardEndPoint
{
    // Go's default for both sides of a forwarded connection, which kcptun therefore has: a vanished host is noticed.
    private const int KeepAliveSeconds = 15;

    private readonly string _text;

    private ForwardEndPoint(string text, EndPoint endPoint)
    {
        _text = text;
        EndPoint = endPoint;
    }

    /// <summary>
    /// An <see cref="IPEndPoint"/>, a <see cref="DnsEndPoint"/> or a <see cref="UnixDomainSocketEndPoint"/>. An empty host is
    /// <see cref="IPAddress.IPv6Any"/>, which stands for all addresses of both families.
    /// </summary>
    public EndPoint EndPoint { get; }

    /// <summary>Whether this is the path of a Unix socket.</summary>
    public bool IsUnixSocket => EndPoint is UnixDomainSocketEndPoint;

    /// <summary>Parses <c>host:port</c>, <c>[ipv6]:port</c>, <c>:port</c> (all addresses), or else the path of a Unix socket.</summary>
    /// <exception cref="FormatException">The text is empty, its port is not from 0 to 65535, or the path is too long.</exception>
    public static ForwardEndPoint Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0)
        {
            throw new FormatException("An address is empty; it must be host:port or the path of a Unix socket.");
        }

        if (!TrySplit(text, out string? host, out string? port))
        {
            return new ForwardEndPoint(text, ParsePath(text));
        }

        if (!ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number))
        {
            throw new FormatException($"The port of '{text}' is '{port}'; it must be a number from 0 to 65535.");
        }

        EndPoint endPoint = host.Length == 0 ? new IPEndPoint(IPAddress.IPv6Any, number)
            : IPAddress.TryParse(host, out IPAddress? address) ? new IPEndPoint(Unmap(address), number)
            : new DnsEndPoint(host, number);
        return new ForwardEndPoint(text, endPoint);
    }

    /// <summary>The end point of that address.</summary>
    public static ForwardEndPoint From(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        return new ForwardEndPoint(endPoint.ToString(), new IPEndPoint(Unmap(endPoint.Address), endPoint.Port));
    }

    /// <summary>The end point of an address or a path that a peer named.</summary>
    internal static ForwardEndPoint From(EndPoint endPoint) =>
        endPoint is IPEndPoint ip ? From(ip) : new ForwardEndPoint(endPoint.ToString() ?? "", endPoint);

    /// <summary>The text that it was parsed from.</summary>
    public override string ToString() => _text;

    // A dual-mode socket reports its IPv4 address in the mapped form (RFC 4291, 2.5.5.2), which a socket for IPv6 alone
    // cannot reach.
    private static IPAddress Unmap(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <summary>Opens a listening socket.</summary>
    /// <remarks>
    /// The file of a Unix socket that nobody listens on any more, left behind by a process that was killed, is replaced. The
    /// caller removes the file with <see cref="Unlink"/> when it stops.
    /// </remarks>
    /// <exception cref="SocketException">The address is in use or not available.</exception>
    internal Socket Listen(int backlog)
    {
        Socket socket;
        EndPoint address = EndPoint;
        if (IsUnixSocket)
        {
            RemoveStaleSocket();
            socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        }
        else
        {
            IPEndPoint ip = ToIPEndPoint();
            bool any = ip.Address.Equals(IPAddress.IPv6Any);
            if (any && !Socket.OSSupportsIPv6)
            {
                ip = new IPEndPoint(IPAddress.Any, ip.Port);
            }

            socket = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (any && Socket.OSSupportsIPv6)
            {
                socket.DualMode = true;
            }

            address = ip;
        }

        try
        {
            if (AcceptedInherit)
            {
                Prepare(socket);
            }

            socket.Bind(address);
            socket.Listen(backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The address; that of the name if it is one.</summary>
    /// <exception cref="SocketException">The name has none, or this is a path.</exception>
    internal IPEndPoint ToIPEndPoint() => EndPoint as IPEndPoint
        ?? Resolve(EndPoint as DnsEndPoint ?? throw new SocketException((int)SocketError.AddressFamilyNotSupported));

    /// <summary>Whether accepted sockets inherit what <see cref="Prepare"/> sets from their listener: four calls less for each.</summary>
    internal static bool AcceptedInherit => OperatingSystem.IsLinux();

    /// <summary>Opens a connection. A host name is looked up anew each time, and all its addresses are tried.</summary>
    /// <param name="mayUse">Asked about the new socket, or about one to come if it is null; false gives the attempt up.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The connection, or null if the socket may not be used.</returns>
    /// <exception cref="SocketException">The name is unknown, or no address of it takes the connection.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    internal async ValueTask<Socket?> ConnectAsync(Func<Socket?, bool> mayUse, CancellationToken cancellationToken)
    {
        EndPoint address = Reachable(EndPoint);
        if (address is DnsEndPoint && !mayUse(null))
        {
            return null;
        }

        Socket socket = EndPoint switch
        {
            UnixDomainSocketEndPoint => new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified),
            IPEndPoint ip => new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp),
            _ => new Socket(SocketType.Stream, ProtocolType.Tcp),
        };
        try
        {
            if (address is not DnsEndPoint && !mayUse(socket))
            {
                socket.Dispose();
                return null;
            }

            await socket.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
            Prepare(socket);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sets what every forwarded socket has: no delay of small writes, and probes for a peer that vanished.</summary>
    internal static void Prepare(Socket socket)
    {
        if (socket.AddressFamily == AddressFamily.Unix)
        {
            return;
        }

        try
        {
            socket.NoDelay = true;
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveSeconds);
        }
        catch (SocketException)
        {
            // The peer was faster and is gone again, or the system has no such option: the relay will see the one and can
            // do without the other.
        }
    }

    /// <summary>Removes the file of a Unix socket.</summary>
    internal void Unlink()
    {
        if (IsUnixSocket && !IsAbstract)
        {
            try
            {
                File.Delete(_text);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // A file left behind is replaced by the next listener.
            }
        }
    }

    // An unconnected "all addresses" is the local host to the operating system, but not to every one.
    private static EndPoint Reachable(EndPoint endPoint) => endPoint is IPEndPoint ip && ip.Address.Equals(IPAddress.IPv6Any)
        ? new DnsEndPoint("localhost", ip.Port)
        : endPoint;

    private static IPEndPoint Resolve(DnsEndPoint name)
    {
        IPAddress[] addresses = Dns.GetHostAddresses(name.Host);
        IPAddress address = Array.Find(addresses, static a => a.AddressFamily == AddressFamily.InterNetwork)
            ?? (addresses.Length > 0 ? addresses[0] : throw new SocketException((int)SocketError.HostNotFound));
        return new IPEndPoint(address, name.Port);
    }

    private static UnixDomainSocketEndPoint ParsePath(string path)
    {
        try
        {
            // Linux's abstract names are written with @, as in Go.
            return new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path);
        }
        catch (Exception error) when (error is ArgumentException or PlatformNotSupportedException)
        {
            throw new FormatException($"'{path}' is neither host:port nor a possible path of a Unix socket.", error);
        }
    }

    /// <summary>The last colon parts host and port; a host with colons of its own needs brackets.</summary>
    private static bool TrySplit(string text, [NotNullWhen(true)] out string? host, [NotNullWhen(true)] out string? port)
    {
        int colon = text.LastIndexOf(':');
        if (colon >= 0 && !text.Contains('/', StringComparison.Ordinal))
        {
            host = text[..colon];
            port = text[(colon + 1)..];
            if (host.StartsWith('[') && host.EndsWith(']'))
            {
                host = host[1..^1];
                return true;
            }

            if (!host.Contains(':', StringComparison.Ordinal))
            {
                return true;
            }
        }

        host = null;
        port = null;
        return false;
    }

    private bool IsAbstract => _text[0] == '@';

    private void RemoveStaleSocket()
    {
        if (IsAbstract || !File.Exists(_text))
        {
            return;
        }

        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(EndPoint);
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
        {
            // Regular files refuse as well, and must not be deleted.
            if (IsSocketFile(_text))
            {
                Unlink();
            }
        }
        catch (SocketException)
        {
            // Bind will say what is wrong with the path.
        }
    }

    // Sockets have no attribute of their own in .NET; they cannot be opened as files (ENXIO), whatever the permissions.
    private static bool IsSocketFile(string path)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }
}
