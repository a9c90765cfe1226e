using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Causeway.Protocol;
using static Causeway.Links.Udp.Linux.LinuxSocketApi;

namespace Causeway.Links.Udp.Linux;

/// <summary>
/// Receives many messages at a time by <c>recvmmsg</c>. With UDP_GRO a message is a run of datagrams of one size from
/// one peer (the last may be shorter) in one block, which is split here: into views, or into copies if the block holds
/// little or is the last free one. Waits through <see cref="Socket"/>, without a thread.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The base has everything released once nothing is under way.")]
internal sealed unsafe class LinuxUdpReceiver : UdpReceiver
{
    // Without UDP_GRO a message is a datagram; with it, up to 64 KiB of them: so fewer, larger slots.
    private const int MaxDatagramSlots = 64;
    private const int MaxBlockSlots = 16;
    private const int MinSlots = 2;

    // A view keeps all 64 KiB of its block from being reused as long as somebody holds on to it: a datagram that waits
    // in a reorder queue, a slice that an application has not read. So a block is only handed out in views if at least
    // an eighth of it is data, and while another is free to receive into. Else it is copied into ordinary buffers:
    // measured, that takes some 45 ns more for a datagram of 1350 bytes, of 350 for its whole way through the kernel.
    private const int MinViewedBytes = 8192;

    private const int AddressStride = 32;

    // The lower two bits of the IPv4 TOS and IPv6 traffic class octets (RFC 3168 section 5).
    private const int EcnMask = 3;

    // Calls that bring nothing, only errors or datagrams that are too large, before the wait may see a cancellation.
    private const int MaxCalls = 16;

    // Room for three control messages of at most 4 bytes each, in native words (lost datagrams, UDP_GRO, ECN), and for the
    // local address.
    private static readonly int s_controlStride = (3 * (sizeof(ControlHeader) + sizeof(nuint))) + PacketInformation.Space;

    // Pinned and made once.
    private readonly MultiMessageHeader[] _messages;
    private readonly IoVector[] _vectors;
    private readonly byte[] _addresses;
    private readonly byte[] _controls;
    private readonly byte[] _peeked = AllocatePinned<byte>(1);
    private readonly PacketBuffer?[] _slots;
    private readonly ReceiveBlocks? _blocks;
    private readonly int _maxSlots;
    private readonly int _localPort;

    // How many slots the next call offers: doubles when all were filled, so that a quiet link holds little memory.
    private int _offered = MinSlots;

    // Messages of the last call that are not handed out yet: [_slot, _filled), the first of them from byte _offset on.
    private int _filled;
    private int _slot;
    private int _offset;

    // Most messages that a call brought since nothing was there.
    private int _most;

    // The last call brought one datagram and had room for more, so that the next would most likely find nothing.
    private bool _isDrained;

    // What takes the place of the block at _slot when that one is handed out in views.
    private PacketBuffer? _replacement;

    public LinuxUdpReceiver(Socket socket, UdpLinkOptions options, UdpCounters counters)
        : base(socket, options, counters)
    {
        TryEnable(socket, SolSocket, SoReceiveQueueOverflow);
        Counters.ReceivesEcn = options.Ecn && TryEnableEcn(socket);
        Counters.TellsLocalAddress = PacketInformation.IsBoundToAny(socket) && PacketInformation.TryEnable(socket);
        _localPort = ((IPEndPoint)socket.LocalEndPoint!).Port;
        if (options.SegmentationOffload && TryEnable(socket, SolUdp, UdpGro))
        {
            _blocks = new ReceiveBlocks(options.BlockPool, options.MaxReceiveBlocks);
        }

        _maxSlots = _blocks is null ? MaxDatagramSlots : Math.Min(MaxBlockSlots, options.MaxReceiveBlocks);
        _messages = AllocatePinned<MultiMessageHeader>(_maxSlots);
        _vectors = AllocatePinned<IoVector>(_maxSlots);
        _addresses = AllocatePinned<byte>(_maxSlots * AddressStride);
        _controls = AllocatePinned<byte>(_maxSlots * s_controlStride);
        _slots = new PacketBuffer?[_maxSlots];
        Counters.ReceiveOffload = _blocks is not null;
        Counters.Blocks = _blocks;
    }

    protected override int TryReceive(Span<PacketBuffer> buffers)
    {
        for (int call = 0; call < MaxCalls; call++)
        {
            int count = HandOut(buffers);
            if (count > 0)
            {
                return count;
            }

            if (_isDrained)
            {
                // The wait begins with a look of its own, so this saves a system call of four for each lone datagram.
                _isDrained = false;
                GoQuiet();
                return 0;
            }

            int offered = Offer(_blocks is null ? Math.Min(_offered, buffers.Length) : _offered);
            MultiMessageHeader* messages = (MultiMessageHeader*)Unsafe.AsPointer(ref _messages[0]);
            int filled = ReceiveMessages(Socket.SafeHandle, messages, (uint)offered, MsgDontWait, timeout: 0);
            if (filled > 0)
            {
                Counters.ReceiveCalls++;
                _filled = filled;
                _most = Math.Max(_most, filled);
                _offered = filled == _offered ? Math.Min(_offered * 2, _maxSlots) : _offered;
                _isDrained = filled == 1 && offered > 1 && _messages[0].Length <= (uint)Options.MaxDatagramSize;
                continue;
            }

            int error = Marshal.GetLastPInvokeError();
            if (error == Errno.Again)
            {
                GoQuiet();
                return 0;
            }

            if (error != Errno.Interrupted)
            {
                // An ICMP message about an earlier send.
                Counters.ReceiveErrors++;
                if (error == Errno.ConnectionRefused)
                {
                    Counters.NoteRefusal(SocketError.ConnectionRefused);
                }
            }
        }

        return HandOut(buffers);
    }

    // One byte: it is only looked at, and the kernel says no more than that there is something.
    protected override ValueTask<int> WaitAsync(CancellationToken cancellationToken) =>
        Socket.ReceiveAsync(_peeked, SocketFlags.Peek, cancellationToken);

    protected override void ReleaseBuffers()
    {
        for (int i = 0; i < _slots.Length; i++)
        {
            _slots[i]?.Release();
            _slots[i] = null;
        }

        _replacement?.Release();
        _replacement = null;
        _blocks?.Dispose();
        _filled = 0;
        _slot = 0;
    }

    private static bool TryEnable(Socket socket, int level, int option)
    {
        try
        {
            socket.SetRawSocketOption(level, option, BitConverter.GetBytes(1));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    // The kernel merges only datagrams of equal bits, so that one message tells of all in a block.
    private static bool TryEnableEcn(Socket socket)
    {
        bool isIPv6 = socket.AddressFamily == AddressFamily.InterNetworkV6;

        // On a socket for both, what comes from mapped IPv4 addresses takes the IPv4 option.
        bool isSet = (!isIPv6 || socket.DualMode) && TryEnable(socket, SolIP, IPReceiveTypeOfService);
        return isIPv6 ? TryEnable(socket, SolIPv6, IPv6ReceiveTrafficClass) : isSet;
    }

    // Lets go of the slots that the last burst did not need twice over: they hold blocks, and the next burst may be far.
    private void GoQuiet()
    {
        _offered = Math.Clamp(_most * 2, MinSlots, _offered);
        _most = 0;
        for (int i = _offered; i < _maxSlots; i++)
        {
            _slots[i]?.Release();
            _slots[i] = null;
        }
    }

    /// <summary>Points as many messages at free memory.</summary>
    /// <returns>How many, at least one: the last free block is never handed out in views.</returns>
    private int Offer(int count)
    {
        for (int i = 0; i < count; i++)
        {
            PacketBuffer? buffer = _slots[i] ??= _blocks is null ? Options.Pool.Rent() : _blocks.TryTake();
            if (buffer is null)
            {
                return i;
            }

            buffer.Reset(_blocks is null ? Options.ReceiveHeadroom : 0);
            Span<byte> room = buffer.Append(_blocks is null ? Options.MaxDatagramSize : buffer.Capacity);

            ref IoVector vector = ref _vectors[i];
            vector.Base = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(room));
            vector.Length = (nuint)room.Length;

            ref MessageHeader header = ref _messages[i].Header;
            header.Name = (byte*)Unsafe.AsPointer(ref _addresses[i * AddressStride]);
            header.NameLength = (uint)AddressStride;
            header.Vectors = (IoVector*)Unsafe.AsPointer(ref vector);
            header.VectorCount = 1;
            header.Control = (byte*)Unsafe.AsPointer(ref _controls[i * s_controlStride]);
            header.ControlLength = (nuint)s_controlStride;
            header.Flags = 0;
        }

        return count;
    }

    private int HandOut(Span<PacketBuffer> buffers)
    {
        int count = 0;
        while (_slot < _filled && count < buffers.Length)
        {
            int bytes = (int)_messages[_slot].Length;
            bool truncated = (_messages[_slot].Header.Flags & MsgTruncated) != 0;
            int segment = ReadControl(_slot, bytes, out EcnCodepoint ecn, out PeerAddress local);
            if (truncated || segment > Options.MaxDatagramSize)
            {
                Counters.ReceiveTooLarge += segment == 0 ? 1 : (bytes + segment - 1) / segment;
                _slot++;
                continue;
            }

            DatagramPath path = new(ReadPeer(_slot), local);
            int before = count;
            bool done = _blocks is null
                ? HandOutSlot(buffers, ref count, bytes, path, ecn)
                : Split(buffers, ref count, bytes, segment, path, ecn);
            Counters.DatagramsReceived += count - before;
            if (done)
            {
                Counters.BytesReceived += bytes;
                _slot++;
                _offset = 0;
            }
        }

        if (_slot == _filled)
        {
            _slot = 0;
            _filled = 0;
        }

        return count;
    }

    private bool HandOutSlot(Span<PacketBuffer> buffers, ref int count, int bytes, in DatagramPath path, EcnCodepoint ecn)
    {
        PacketBuffer buffer = _slots[_slot]!;
        _slots[_slot] = null;
        buffer.Truncate(bytes);
        buffer.Path = path;
        buffer.Ecn = ecn;
        buffers[count++] = buffer;
        return true;
    }

    // Hands out datagrams of a block until it or the caller's room is used up; true for the former.
    private bool Split(
        Span<PacketBuffer> buffers, ref int count, int bytes, int segment, in DatagramPath path, EcnCodepoint ecn)
    {
        PacketBuffer block = _slots[_slot]!;
        block.Truncate(bytes);
        block.Path = path;
        block.Ecn = ecn;
        if (_offset == 0 && bytes >= MinViewedBytes)
        {
            _replacement ??= _blocks!.TryTake();
            Counters.BlocksCopied += _replacement is null ? 1 : 0;
        }

        bool viewed = bytes >= MinViewedBytes && _replacement is not null;

        // At least one: a datagram may be empty.
        do
        {
            int length = Math.Min(segment, bytes - _offset);
            buffers[count++] = viewed
                ? Options.Pool.RentView(block, _offset, length, isBounded: true)
                : Copy(block, _offset, length);
            _offset += length;
        }
        while (_offset < bytes && count < buffers.Length);

        if (_offset < bytes)
        {
            return false;
        }

        if (viewed)
        {
            // The views have references of their own.
            block.Release();
            _slots[_slot] = _replacement;
            _replacement = null;
        }

        return true;
    }

    private PacketBuffer Copy(PacketBuffer block, int offset, int length)
    {
        PacketBuffer buffer = Options.Pool.Rent(Options.ReceiveHeadroom);
        block.Payload.Slice(offset, length).CopyTo(buffer.Append(length));
        buffer.Path = block.Path;
        buffer.Ecn = block.Ecn;
        return buffer;
    }

    private PeerAddress ReadPeer(int slot)
    {
        ReadOnlySpan<byte> address = _addresses.AsSpan(slot * AddressStride, AddressStride);
        return RawSocketAddress.Read(address, BitConverter.ToUInt16(address) == AfInet6);
    }

    /// <summary>Reads the control messages of a slot.</summary>
    /// <param name="slot">Which one.</param>
    /// <param name="bytes">The bytes received into it.</param>
    /// <param name="ecn">The congestion bits of the datagrams in it; none if the kernel does not tell.</param>
    /// <param name="local">The address that they came to; none if the kernel does not tell.</param>
    /// <returns>The size of the datagrams in it: UDP_GRO tells it if there are several.</returns>
    private int ReadControl(int slot, int bytes, out EcnCodepoint ecn, out PeerAddress local)
    {
        ecn = EcnCodepoint.NotCapable;
        local = default;
        int segment = bytes;
        int length = Math.Min((int)_messages[slot].Header.ControlLength, s_controlStride);
        int offset = 0;
        while (offset + sizeof(ControlHeader) + sizeof(int) <= length)
        {
            int at = (slot * s_controlStride) + offset;
            ref ControlHeader header = ref Unsafe.As<byte, ControlHeader>(ref _controls[at]);
            int data = BitConverter.ToInt32(_controls, at + sizeof(ControlHeader));
            if (header.Level == SolUdp && header.Type == UdpGro)
            {
                // The guard is against a kernel that does not keep its word: a size of 0 would not end.
                segment = data > 0 ? Math.Min(data, bytes) : bytes;
            }
            else if ((header.Level == SolIP && header.Type == IPTypeOfService)
                || (header.Level == SolIPv6 && header.Type == IPv6TrafficClass))
            {
                // IPv4 sends one byte and IPv6 four; the two bits are in the first of either.
                ecn = (EcnCodepoint)(data & EcnMask);
            }
            else if (PacketInformation.Is(in header) && offset + (int)header.Length <= length)
            {
                local = PacketInformation.Read(in header, _controls.AsSpan(at + sizeof(ControlHeader)), _localPort);
            }
            else if (header.Level == SolSocket && header.Type == SoReceiveQueueOverflow)
            {
                Counters.KernelDropped = (uint)data;
            }

            int step = ((int)header.Length + sizeof(nuint) - 1) & -sizeof(nuint);
            offset += Math.Max(step, sizeof(ControlHeader));
        }

        return segment;
    }
}
