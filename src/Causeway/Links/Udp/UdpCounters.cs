using System.Net.Sockets;

namespace Causeway.Links.Udp;

/// <summary>
/// The counters behind <see cref="UdpLinkStatistics"/>. Each is written by one direction only, which runs one operation
/// at a time, so that plain fields do.
/// </summary>
internal sealed class UdpCounters
{
    public long DatagramsSent;
    public long BytesSent;
    public long SendCalls;
    public long SendWaits;
    public long SendUnreachable;
    public long SendTooLarge;
    public long SendNoBuffers;
    public long SendRefused;
    public long SendSourceRefused;
    public long DatagramsReceived;
    public long BytesReceived;
    public long ReceiveCalls;
    public long ReceiveErrors;
    public long ReceiveTooLarge;
    public long KernelDropped;
    public long BlocksCopied;
    public ReceiveBlocks? Blocks;
    public bool SendOffload;
    public bool ReceiveOffload;
    public bool SendsEcn;
    public bool ReceivesEcn;
    public bool TellsLocalAddress;

    /// <summary>Counts datagrams that a send gave up, by cause.</summary>
    public void CountRefused(SocketError error, int datagrams)
    {
        switch (error)
        {
            case SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.HostUnreachable
                or SocketError.HostDown or SocketError.NetworkUnreachable or SocketError.NetworkDown:
                SendUnreachable += datagrams;
                break;
            case SocketError.MessageSize:
                SendTooLarge += datagrams;
                break;
            case SocketError.NoBufferSpaceAvailable:
                SendNoBuffers += datagrams;
                break;
            default:
                SendRefused += datagrams;
                break;
        }
    }

    /// <summary>Called, on any thread, when the system says that nobody listens where a connected socket sends to.</summary>
    public Action? PeerRefused { get; set; }

    /// <summary>Passes an error of a connected socket on, if it says that nobody listens there.</summary>
    public void NoteRefusal(SocketError error)
    {
        if (error is SocketError.ConnectionRefused or SocketError.ConnectionReset)
        {
            PeerRefused?.Invoke();
        }
    }

    public UdpLinkStatistics Snapshot() => new()
    {
        DatagramsSent = Volatile.Read(ref DatagramsSent),
        BytesSent = Volatile.Read(ref BytesSent),
        SendCalls = Volatile.Read(ref SendCalls),
        SendWaits = Volatile.Read(ref SendWaits),
        SendUnreachable = Volatile.Read(ref SendUnreachable),
        SendTooLarge = Volatile.Read(ref SendTooLarge),
        SendNoBuffers = Volatile.Read(ref SendNoBuffers),
        SendRefused = Volatile.Read(ref SendRefused),
        SendSourceRefused = Volatile.Read(ref SendSourceRefused),
        DatagramsReceived = Volatile.Read(ref DatagramsReceived),
        BytesReceived = Volatile.Read(ref BytesReceived),
        ReceiveCalls = Volatile.Read(ref ReceiveCalls),
        ReceiveErrors = Volatile.Read(ref ReceiveErrors),
        ReceiveTooLarge = Volatile.Read(ref ReceiveTooLarge),
        KernelDropped = Volatile.Read(ref KernelDropped),
        ReceiveBlocks = Volatile.Read(ref Blocks)?.Count ?? 0,
        ReceiveBlocksCopied = Volatile.Read(ref BlocksCopied),
        SendsEcn = Volatile.Read(ref SendsEcn),
        TellsLocalAddress = Volatile.Read(ref TellsLocalAddress),
        ReceivesEcn = Volatile.Read(ref ReceivesEcn),
        SendOffload = Volatile.Read(ref SendOffload),
        ReceiveOffload = Volatile.Read(ref ReceiveOffload),
    };
}
