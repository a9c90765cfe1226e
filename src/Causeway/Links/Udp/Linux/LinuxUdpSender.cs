using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Causeway.Protocol;
using Microsoft.Extensions.Logging;
using static Causeway.Links.Udp.Linux.LinuxSocketApi;

namespace Causeway.Links.Udp.Linux;

/// <summary>
/// Sends whole batches by <c>sendmmsg</c>. With UDP_SEGMENT a run of datagrams of one size to one peer (the last may be
/// shorter) is one message, whose parts stay where they are: the kernel takes a gather list.
/// </summary>
internal sealed unsafe class LinuxUdpSender : UdpSender
{
    private const int MaxMessages = 64;
    private const int MaxVectors = 512;
    private const int MinVectors = 16;
    private const int AddressStride = 32;

    // Pinned and made once: what is not rewritten for each batch is set in the constructor.
    private readonly MultiMessageHeader[] _messages = AllocatePinned<MultiMessageHeader>(MaxMessages);
    private IoVector[] _vectors = AllocatePinned<IoVector>(MinVectors);
    private readonly byte[] _addresses = AllocatePinned<byte>(MaxMessages * AddressStride);
    private readonly TrafficClass _trafficClass;
    private readonly SendControls _controls;
    private readonly bool _namesSource;
    private readonly ILogger? _logger;

    public LinuxUdpSender(Socket socket, PeerAddress connectedPeer, UdpLinkOptions options, UdpCounters counters)
        : base(socket, connectedPeer, counters)
    {
        _logger = options.BackgroundLogger;
        _trafficClass = new TrafficClass(socket);
        _controls = new SendControls(socket, MaxMessages, _trafficClass);
        _namesSource = PacketInformation.IsBoundToAny(socket);
        Counters.SendOffload = options.SegmentationOffload && HasSegmentation(socket);
        Counters.SendsEcn = options.Ecn && _trafficClass.Probe();
        for (int i = 0; i < MaxMessages; i++)
        {
            ref ushort family = ref Unsafe.As<byte, ushort>(ref _addresses[i * AddressStride]);
            family = socket.AddressFamily == AddressFamily.InterNetworkV6 ? AfInet6 : AfInet;
        }
    }

    protected override bool TrySend(ReadOnlySpan<PacketBuffer> batch, ref int next)
    {
        if (batch.Length > _vectors.Length && _vectors.Length < MaxVectors)
        {
            // A link that never sends many at once holds little.
            _vectors = AllocatePinned<IoVector>(MaxVectors);
        }

        while (next < batch.Length)
        {
            int messages = Plan(batch[next..], out int unaddressable);
            if (unaddressable > 0)
            {
                Counters.CountRefused(SocketError.AddressFamilyNotSupported, unaddressable);
                next += unaddressable;
            }
            else if (!TrySend(messages, ref next))
            {
                return false;
            }
        }

        return true;
    }

    protected override bool NamesSource(PacketBuffer datagram) => _namesSource && !datagram.Path.Local.IsNone;

    protected override void SetSocketEcn(EcnCodepoint ecn, PeerAddress peer)
    {
        if (Counters.SendsEcn)
        {
            _trafficClass.TrySet(ecn, _trafficClass.IsIPv6For(PeerOf(peer)));
        }
    }

    // A kernel without it would ignore the control message and send a run as one huge datagram, so it has to be asked.
    private static bool HasSegmentation(Socket socket)
    {
        try
        {
            socket.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    // Sends what is planned, up to the end or to a refusal after which the rest has to be planned anew.
    private bool TrySend(int messages, ref int next)
    {
        MultiMessageHeader* first = (MultiMessageHeader*)Unsafe.AsPointer(ref _messages[0]);
        bool retried = false;
        bool isWithoutSource = false;
        int done = 0;
        while (done < messages)
        {
            int sent = SendMessages(Socket.SafeHandle, first + done, (uint)(messages - done), MsgDontWait);
            if (sent > 0)
            {
                Counters.SendSourceRefused += isWithoutSource ? (long)first[done].Header.VectorCount : 0;
                isWithoutSource = false;
                CountSent(first + done, sent, ref next);
                done += sent;
                retried = false;
                continue;
            }

            int error = Marshal.GetLastPInvokeError();
            int datagrams = (int)first[done].Header.VectorCount;
            switch (error)
            {
                case Errno.Again:
                    return false;
                case Errno.Interrupted:
                    continue;
                case Errno.Invalid or Errno.AddressNotAvailable or Errno.NetworkUnreachable
                    when SendControls.TryRemoveSource(ref first[done].Header):
                    // The address is not this machine's any more (newer kernels: no network). The peer may take an answer from another; that
                    // the address was refused, not what else is in the message, shows when it leaves without.
                    isWithoutSource = true;
                    continue;
                case Errno.NoDestination when first[done].Header.Name is null:
                    // Disconnected meanwhile: the same datagrams leave with an address.
                    return true;
                case Errno.Invalid or Errno.NoProtocolOption when Counters.SendsEcn && SendControls.HasEcn(in first[done].Header):
                    // A sandbox, perhaps. Should it have been segmentation that was refused, its turn is next.
                    Counters.SendsEcn = false;
                    if (_logger is not null)
                    {
                        UdpLinkLog.EcnRefused(_logger, error);
                    }

                    return true;
                case Errno.InputOutput or Errno.Invalid or Errno.MessageSize or Errno.NotSupported
                    or Errno.NoProtocolOption when datagrams > 1:
                    // A device without checksum offload (EIO), or segments that do not fit its path. The same datagrams
                    // leave one by one.
                    Counters.SendOffload = false;
                    if (_logger is not null)
                    {
                        UdpLinkLog.SegmentationRefused(_logger, error);
                    }

                    return true;
                case Errno.ConnectionRefused or Errno.HostUnreachable or Errno.NetworkUnreachable when !retried:
                    // Most likely the answer to an earlier datagram: this one was not tried yet.
                    Counters.NoteRefusal(ToSocketError(error));
                    retried = true;
                    continue;
                default:
                    Counters.CountRefused(ToSocketError(error), datagrams);
                    next += datagrams;
                    done++;
                    retried = false;
                    isWithoutSource = false;
                    continue;
            }
        }

        return true;
    }

    private void CountSent(MultiMessageHeader* message, int count, ref int next)
    {
        Counters.SendCalls++;
        for (int i = 0; i < count; i++)
        {
            int datagrams = (int)message[i].Header.VectorCount;
            Counters.DatagramsSent += datagrams;
            Counters.BytesSent += message[i].Length;
            next += datagrams;
        }
    }

    /// <summary>Writes headers for as many datagrams from the front of the batch as there is room for.</summary>
    /// <param name="batch">At least one datagram.</param>
    /// <param name="unaddressable">
    /// How many at the front cannot be sent from this socket; then nothing was planned.
    /// </param>
    private int Plan(ReadOnlySpan<PacketBuffer> batch, out int unaddressable)
    {
        unaddressable = 0;
        int messages = 0;
        int vectors = 0;
        int next = 0;
        PeerAddress peer = default;
        byte* address = null;
        while (next < batch.Length && messages < MaxMessages && vectors < _vectors.Length)
        {
            PacketBuffer first = batch[next];
            PeerAddress to = PeerOf(first.Peer);
            if (IsForConnectedPeer(first.Peer))
            {
                address = null;
            }
            else if (address is null || to != peer)
            {
                int offset = messages * AddressStride;
                Span<byte> raw = _addresses.AsSpan(offset, AddressStride);
                if (!RawSocketAddress.TryWrite(to, Socket.AddressFamily, raw))
                {
                    unaddressable = messages == 0 ? 1 : 0;
                    return messages;
                }

                address = (byte*)Unsafe.AsPointer(ref _addresses[offset]);
                peer = to;
            }

            int run = MeasureRun(batch.Slice(next, Math.Min(batch.Length - next, _vectors.Length - vectors)));
            ref MessageHeader header = ref _messages[messages].Header;
            header.Name = address;
            header.NameLength = address is null ? 0 : (uint)RawSocketAddress.SizeOf(Socket.AddressFamily);
            header.Vectors = (IoVector*)Unsafe.AsPointer(ref _vectors[vectors]);
            header.VectorCount = (nuint)run;
            _controls.Set(
                ref header,
                messages,
                run > 1 ? first.Length : 0,
                Counters.SendsEcn ? first.Ecn : EcnCodepoint.NotCapable,
                to,
                NamesSource(first) ? first.Path.Local : default);
            foreach (PacketBuffer datagram in batch.Slice(next, run))
            {
                ref IoVector vector = ref _vectors[vectors++];

                // Packet buffers are pinned for life.
                vector.Base = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(datagram.Payload));
                vector.Length = (nuint)datagram.Length;
            }

            next += run;
            messages++;
        }

        return messages;
    }

    // How many datagrams from the front can leave as one message.
    private int MeasureRun(ReadOnlySpan<PacketBuffer> batch)
    {
        PacketBuffer first = batch[0];
        int size = first.Length;
        if (!Counters.SendOffload || size == 0)
        {
            return 1;
        }

        int bytes = size;
        int run = 1;
        int limit = Math.Min(batch.Length, MaxSegments);
        while (run < limit)
        {
            PacketBuffer datagram = batch[run];
            int length = datagram.Length;
            bytes += length;
            if (length > size || length == 0 || bytes > UdpLinkOptions.MaxUdpPayload || datagram.Path != first.Path
                || datagram.Ecn != first.Ecn)
            {
                break;
            }

            run++;
            if (length < size)
            {
                break;
            }
        }

        return run;
    }

    private static SocketError ToSocketError(int error) => error switch
    {
        Errno.ConnectionRefused => SocketError.ConnectionRefused,
        Errno.HostUnreachable => SocketError.HostUnreachable,
        Errno.HostDown => SocketError.HostDown,
        Errno.NetworkUnreachable => SocketError.NetworkUnreachable,
        Errno.NetworkDown => SocketError.NetworkDown,
        Errno.MessageSize => SocketError.MessageSize,
        Errno.NoBuffers or Errno.OutOfMemory => SocketError.NoBufferSpaceAvailable,
        Errno.Permission => SocketError.AccessDenied,
        _ => SocketError.SocketError,
    };
}
