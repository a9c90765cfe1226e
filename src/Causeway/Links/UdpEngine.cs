namespace Causeway.Links;

/// <summary>How a <see cref="UdpLink"/> talks to the operating system.</summary>
public enum UdpEngine
{
    /// <summary>The fastest that the system offers.</summary>
    Auto,

    /// <summary><see cref="System.Net.Sockets.Socket"/> alone: any system that .NET runs on.</summary>
    Portable,

    /// <summary>
    /// <c>recvmmsg</c> and <c>sendmmsg</c>, with <c>UDP_SEGMENT</c> and <c>UDP_GRO</c> where the kernel has them.
    /// </summary>
    Linux,
}
