using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Causeway.Kcp.Arq;
using Causeway.Protocol;
using Causeway.Testing;

namespace Causeway.Benchmarks.Link;

/// <summary>What went through a relay so far.</summary>
/// <param name="UpWireBytes">Bytes that entered from clients, with 28 bytes of headers for each datagram.</param>
/// <param name="DownWireBytes">The same from the server.</param>
/// <param name="Drops">Datagrams lost in the relay's own sockets: more than a few make a run worthless.</param>
internal readonly record struct RelayCounters(long UpWireBytes, long DownWireBytes, long Drops);

/// <summary>
/// A UDP relay between clients and one server that does to each datagram what a <see cref="FaultModel"/> says. One thread for
/// both directions, which sleeps until the next datagram comes or is due.
/// </summary>
internal sealed class LinkRelay : IDisposable
{
    // kcptun's largest packet is 1500 bytes.
    private const int BufferSize = 2048;
    private const int SocketBuffer = 8 << 20;
    private const long LongestWait = 50_000;

    private readonly long _begun = Stopwatch.GetTimestamp();
    private readonly Socket _front = NewSocket();
    private readonly IPEndPoint _server;
    private readonly FaultModel _up;
    private readonly FaultModel _down;
    private readonly Dictionary<SocketAddress, Flow> _flowOf = [];
    private readonly List<Flow> _flows = [];
    private readonly PriorityQueue<Held, (long Arrival, long Order)> _held = new();
    private readonly Stack<byte[]> _free = [];
    private readonly SocketAddress _from = new(AddressFamily.InterNetwork);
    private readonly Thread _thread;
    private LinuxSystem.PollEntry[] _polled;
    private volatile bool _stopped;
    private long _order;
    private long _upWire;
    private long _downWire;

    /// <param name="server">Where datagrams of clients go.</param>
    /// <param name="faults">What happens to them, in either direction.</param>
    /// <param name="seed">Seed of all random decisions.</param>
    public LinkRelay(IPEndPoint server, FaultModelOptions faults, ulong seed)
    {
        _server = server;
        _up = new FaultModel(faults, seed, direction: 0);
        _down = new FaultModel(faults, seed, direction: 1);
        _front.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _polled = [Entry(_front)];
        _thread = new Thread(Run) { IsBackground = true, Name = "relay" };
        _thread.Start();
    }

    /// <summary>Where clients send to.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_front.LocalEndPoint!;

    public RelayCounters Counters
    {
        get
        {
            lock (_flows)
            {
                return new RelayCounters(
                    Interlocked.Read(ref _upWire),
                    Interlocked.Read(ref _downWire),
                    LinuxSystem.DropsOf(_front) + _flows.Sum(static flow => LinuxSystem.DropsOf(flow.Back)));
            }
        }
    }

    public void Dispose()
    {
        _stopped = true;
        _thread.Join();
        _front.Dispose();
        foreach (Flow flow in _flows)
        {
            flow.Back.Dispose();
        }
    }

    // From 0 on, as the model's own clock.
    private Timestamp Now => Timestamp.Zero.Add(Stopwatch.GetElapsedTime(_begun));

    private static Socket NewSocket()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        LinuxSystem.EnlargeReceiveBuffer(socket, SocketBuffer);
        return socket;
    }

    private static LinuxSystem.PollEntry Entry(Socket socket) =>
        new() { Descriptor = (int)socket.Handle, Wanted = LinuxSystem.Readable };

    private void Run()
    {
        LinuxSystem.PreferThisThread();
        while (!_stopped)
        {
            long wait = SendDue();
            LinuxSystem.PollEntry[] polled = _polled;
            LinuxSystem.Poll(polled, wait);
            for (int i = 0; i < polled.Length; i++)
            {
                if (polled[i].Found != 0)
                {
                    Receive(i == 0 ? null : _flows[i - 1]);
                }
            }
        }
    }

    // Sends what is due, and answers how many microseconds there are until the next is.
    private long SendDue()
    {
        while (_held.TryPeek(out _, out (long Arrival, long Order) next))
        {
            long left = next.Arrival - Now.Microseconds;
            if (left > 0)
            {
                return Math.Min(left, LongestWait);
            }

            Send(_held.Dequeue());
        }

        return LongestWait;
    }

    private void Send(Held datagram)
    {
        ReadOnlySpan<byte> payload = datagram.Buffer.AsSpan(0, datagram.Length);
        if (datagram.IsUp)
        {
            _ = datagram.Flow.Back.Send(payload, SocketFlags.None, out _);
        }
        else
        {
            _ = _front.SendTo(payload, SocketFlags.None, datagram.Flow.Client);
        }

        _free.Push(datagram.Buffer);
    }

    // The front socket when no flow is given. Errors are those of a peer that is gone or not there yet.
    private void Receive(Flow? from)
    {
        byte[] buffer = _free.TryPop(out byte[]? free) ? free : GC.AllocateUninitializedArray<byte>(BufferSize);
        int length;
        Flow flow;
        if (from is null)
        {
            length = _front.ReceiveFrom(buffer, SocketFlags.None, _from);
            flow = FlowOf(_from);
        }
        else
        {
            flow = from;
            length = flow.Back.Receive(buffer, SocketFlags.None, out SocketError error);
            if (error != SocketError.Success)
            {
                _free.Push(buffer);
                return;
            }
        }

        FaultModel model = from is null ? _up : _down;
        Interlocked.Add(ref from is null ? ref _upWire : ref _downWire, length + model.Options.OverheadBytes);
        DatagramFate fate = model.Decide(length, Now);
        if (fate.IsLost)
        {
            _free.Push(buffer);
            return;
        }

        _held.Enqueue(new Held(flow, IsUp: from is null, buffer, length), (fate.Arrival.Microseconds, _order++));
    }

    private Flow FlowOf(SocketAddress client)
    {
        if (_flowOf.TryGetValue(client, out Flow? flow))
        {
            return flow;
        }

        SocketAddress copy = new(client.Family, client.Size);
        client.Buffer.Span[..client.Size].CopyTo(copy.Buffer.Span);
        Socket back = NewSocket();
        back.Connect(_server);
        flow = new Flow(copy, back);
        _flowOf.Add(copy, flow);
        lock (_flows)
        {
            _flows.Add(flow);
        }

        _polled = [.. _polled, Entry(back)];
        return flow;
    }

    /// <summary>A client, and the socket that the server sees as it.</summary>
    private sealed record Flow(SocketAddress Client, Socket Back);

    private readonly record struct Held(Flow Flow, bool IsUp, byte[] Buffer, int Length);
}
