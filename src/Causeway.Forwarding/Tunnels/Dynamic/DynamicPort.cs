using System.Net;
using System.Net.Sockets;

namespace Causeway.Forwarding.Tunnels.Dynamic;

/// <summary>Serves the connections of a dynamic port: says by the first byte which protocol it is.</summary>
internal sealed class DynamicPort
{
    // The longest greeting: a request of HTTP with its fields. One of SOCKS has less than 1100 bytes.
    private const int MaxGreeting = 8192;

    private const byte Socks4 = 4;
    private const byte Socks5 = 5;

    // Who connects to say nothing holds a place.
    private static readonly TimeSpan s_greetingTimeout = TimeSpan.FromSeconds(10);

    private readonly DynamicContext _context;

    public DynamicPort(DynamicContext context) => _context = context;

    /// <summary>Serves a connection to its end, and gives its place back.</summary>
    public async Task ServeAsync(Socket socket, ForwardTable.Forward forward)
    {
        using (forward)
        using (socket)
        {
            string from = AddressText.Remote(socket);
            try
            {
                if (!ForwardEndPoint.AcceptedInherit)
                {
                    ForwardEndPoint.Prepare(socket);
                }

                if (await GreetAsync(socket, forward).ConfigureAwait(false) is { } problem)
                {
                    TunnelLog.ProxyRefused(_context.Options.Logger, from, problem);
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException or IOException)
            {
                // It went, said nothing in time, or was cut off: nobody must take that for an orderly end.
                TunnelPort.ResetOnClose(socket);
            }
            catch (Exception error)
            {
                TunnelPort.ResetOnClose(socket);
                ForwardingLog.Unexpected(_context.Options.Logger, error.Message, error);
            }
        }
    }

    /// <returns>Why it got nowhere; null if it did.</returns>
    private async Task<string?> GreetAsync(Socket socket, ForwardTable.Forward forward)
    {
        using CancellationTokenSource limit = new(s_greetingTimeout, _context.Options.TimeProvider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, forward.CutToken);
        SocketReader reader = new(socket, MaxGreeting);
        switch (await reader.PeekAsync(either.Token).ConfigureAwait(false))
        {
            case null:
                return null;
            case Socks5:
                return await new SocksServer(_context, socket, reader).RunAsync(forward, either.Token).ConfigureAwait(false);
            case Socks4:
                // "Request rejected", in the form that such a client reads.
                await socket.SendAsync(new byte[] { 0, 0x5b, 0, 0, 0, 0, 0, 0 }, SocketFlags.None, either.Token).ConfigureAwait(false);
                return "it speaks SOCKS 4; SOCKS 5 and HTTP CONNECT are spoken here";
            default:
                return await new HttpConnectServer(_context, socket, reader).RunAsync(forward, either.Token).ConfigureAwait(false);
        }
    }
}

/// <summary>What the servers of a dynamic port share.</summary>
/// <param name="Options">The client's.</param>
/// <param name="Credentials">What users have to give; null for nothing.</param>
/// <param name="Opener">Opens streams to the server.</param>
/// <param name="OpenFlow">Opens a flow to a target, for an origin.</param>
/// <param name="Counters">Counts.</param>
internal sealed record DynamicContext(
    TunnelClientOptions Options,
    Credentials? Credentials,
    TunnelOpener Opener,
    Func<EndPoint, IPEndPoint?, CancellationToken, ValueTask<(CausewayStream Stream, Udp.DatagramMux Mux)>> OpenFlow,
    TunnelCounters Counters)
{
    /// <summary>Opens a stream to a target, and waits until it is connected.</summary>
    /// <returns>The stream; or null, and why there is none.</returns>
    public async ValueTask<(CausewayStream? Stream, TunnelRefusal Reason, string Problem)> ConnectAsync(
        Socket socket, EndPoint target, ForwardTable.Forward forward)
    {
        try
        {
            CausewayStream stream = await Opener.ConnectAsync(target, TunnelPort.OriginOf(socket), forward.CutToken).ConfigureAwait(false);
            Counters.CountGranted();
            forward.Connection = stream.Connection;
            return (stream, default, "");
        }
        catch (TunnelRefusedException error)
        {
            Counters.CountRefused();
            return (null, error.Reason, $"{TunnelStream.Text(target)}: {error.Message}");
        }
        catch (Exception error) when (error is TransportException or ArgumentException)
        {
            return (null, TunnelRefusal.Failed, $"{TunnelStream.Text(target)}: {error.Message}");
        }
    }
}
