using System.Net;
using System.Net.Sockets;

namespace Causeway.Links.Udp;

/// <summary>Makes and configures the socket of a link. What the system does not grant becomes a warning.</summary>
internal static class UdpSocketFactory
{
    // Values of Linux and of the BSDs (macOS among them); Windows has no such options or manages them by policy.
    private const int LinuxSolSocket = 1;
    private const int LinuxReusePort = 15;
    private const int LinuxSendBufferForce = 32;
    private const int LinuxReceiveBufferForce = 33;
    private const int LinuxIPv6TrafficClass = 67;
    private const int BsdSolSocket = 0xFFFF;
    private const int BsdReusePort = 0x200;
    private const int BsdIPv6TrafficClass = 36;
    private const int ProtocolIP = 0;
    private const int ProtocolIPv6 = 41;
    private const int LinuxTypeOfService = 1;
    private const int BsdTypeOfService = 3;

    // SIO_UDP_CONNRESET of Windows: whether an ICMP error about one peer fails receives from all.
    private const int WindowsReportResets = unchecked((int)0x9800000C);

    /// <summary>Makes a socket that receives from anyone.</summary>
    public static Socket Bind(IPEndPoint local, UdpLinkOptions options, List<string> warnings)
    {
        bool isAny = local.Address.Equals(IPAddress.Any) || local.Address.Equals(IPAddress.IPv6Any);
        if (options.DualMode && !isAny)
        {
            throw new ArgumentException(
                $"DualMode needs an any-address to bind to, not {local.Address}.", nameof(options));
        }

        bool dual = options.DualMode && Socket.OSSupportsIPv6;
        if (options.DualMode)
        {
            local = new IPEndPoint(dual ? IPAddress.IPv6Any : IPAddress.Any, local.Port);
        }

        Socket socket = new(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (local.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = dual;
            }

            if (OperatingSystem.IsWindows())
            {
                socket.IOControl(WindowsReportResets, [0, 0, 0, 0], null);
            }

            Configure(socket, options, warnings);
            socket.Bind(local);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Makes a socket that is connected to one peer.</summary>
    public static Socket Connect(IPEndPoint remote, UdpLinkOptions options, List<string> warnings)
    {
        Socket socket = new(remote.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            Configure(socket, options, warnings);
            socket.Connect(remote);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static void Configure(Socket socket, UdpLinkOptions options, List<string> warnings)
    {
        if (options.SendBufferSize is { } sendBuffer)
        {
            SetBuffer(socket, SocketOptionName.SendBuffer, LinuxSendBufferForce, sendBuffer, warnings);
        }

        if (options.ReceiveBufferSize is { } receiveBuffer)
        {
            SetBuffer(socket, SocketOptionName.ReceiveBuffer, LinuxReceiveBufferForce, receiveBuffer, warnings);
        }

        if (options.ReusePort && !TrySetReusePort(socket))
        {
            warnings.Add("ReusePort is not available on this system.");
        }

        if (options.Dscp is { } dscp && !TrySetTrafficClass(socket, dscp << 2))
        {
            warnings.Add($"Dscp {dscp} could not be set.");
        }

        options.ConfigureSocket?.Invoke(socket);
    }

    private static void SetBuffer(
        Socket socket, SocketOptionName option, int linuxForce, int wanted, List<string> warnings)
    {
        int Granted() => (int)socket.GetSocketOption(SocketOptionLevel.Socket, option)!;

        bool isSet = TrySet(() => socket.SetSocketOption(SocketOptionLevel.Socket, option, wanted));
        if (isSet && Granted() < wanted && OperatingSystem.IsLinux())
        {
            // Beyond the limit for everyone; a process with CAP_NET_ADMIN may all the same.
            TrySet(() => socket.SetRawSocketOption(LinuxSolSocket, linuxForce, BitConverter.GetBytes(wanted)));
        }

        int granted = Granted();
        if (granted < wanted)
        {
            warnings.Add($"{option}Size: {wanted} bytes were asked for, {granted} were granted; see the system's limits"
                + " (Linux: net.core.rmem_max and wmem_max).");
        }
    }

    // Setting ReuseAddress would do something else on every system, so this goes by the raw option.
    private static bool TrySetReusePort(Socket socket)
    {
        byte[] on = BitConverter.GetBytes(1);
        if (OperatingSystem.IsLinux())
        {
            return TrySet(() => socket.SetRawSocketOption(LinuxSolSocket, LinuxReusePort, on));
        }

        return (OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD())
            && TrySet(() => socket.SetRawSocketOption(BsdSolSocket, BsdReusePort, on));
    }

    private static bool TrySetTrafficClass(Socket socket, int octet)
    {
        bool isLinux = OperatingSystem.IsLinux();
        if (!isLinux && !OperatingSystem.IsMacOS() && !OperatingSystem.IsFreeBSD())
        {
            return TrySet(() => socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.TypeOfService, octet));
        }

        byte[] value = BitConverter.GetBytes(octet);
        int typeOfService = isLinux ? LinuxTypeOfService : BsdTypeOfService;
        if (socket.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return TrySet(() => socket.SetRawSocketOption(ProtocolIP, typeOfService, value));
        }

        if (isLinux && socket.DualMode)
        {
            // What goes to mapped IPv4 addresses takes the IPv4 option.
            TrySet(() => socket.SetRawSocketOption(ProtocolIP, typeOfService, value));
        }

        int trafficClass = isLinux ? LinuxIPv6TrafficClass : BsdIPv6TrafficClass;
        return TrySet(() => socket.SetRawSocketOption(ProtocolIPv6, trafficClass, value));
    }

    private static bool TrySet(Action set)
    {
        try
        {
            set();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
