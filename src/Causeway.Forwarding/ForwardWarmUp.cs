using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Causeway.Forwarding.Tunnels;
using Causeway.Links;
using Causeway.Protocol;
using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding;

/// <summary>
/// Runs some connections through a tunnel inside the process, before the first real one: what they need is then loaded and
/// compiled. The first connection is as quick as the others, and none fails because the process has no descriptor left to load
/// something with, which the runtime would remember for ever.
/// </summary>
public static class ForwardWarmUp
{
    // Half a second is the rule, and several on a machine that is busy starting many processes. What is not loaded by then may fail
    // to load later, when the process has no descriptor left, so that waiting is better.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    // More than one piece in either direction, so that bulk data has been moved too.
    private const int Length = 2 * StreamBridge.BufferSize;

    /// <summary>Warms the path of connections up. What goes wrong with it is no error: the real ones will show it.</summary>
    /// <param name="profile">The layers of the connections to come.</param>
    /// <param name="tunnels">Whether they will be those of a <see cref="TunnelClient"/>; the profile then offers its protocol.</param>
    public static async Task RunAsync(TransportProfile profile, bool tunnels = false)
    {
        ArgumentNullException.ThrowIfNull(profile);
        using CancellationTokenSource limit = new(s_limit);
        try
        {
            // Off the caller's thread: what is loaded may hold it for longer than the limit.
            await Task.Run(() => RunAsync(profile, tunnels, limit.Token), CancellationToken.None)
                .WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // No loopback, perhaps, or no time: the start does not depend on it.
        }
    }

    private static async Task RunAsync(TransportProfile profile, bool tunnels, CancellationToken cancellationToken)
    {
        using Socket target = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        target.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        target.Listen(2);
        Task answering = AnswerAsync(target, cancellationToken);
        ForwardServer server = await ForwardServer.StartAsync(
            new ForwardServerOptions
            {
                Listeners =
                [
                    new CausewayListenerOptions
                    {
                        Profile = profile,
                        ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                    },
                ],
                Target = ForwardEndPoint.From((IPEndPoint)target.LocalEndPoint!),
                Logger = new Formatter(),
            },
            cancellationToken).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable serverEnd = server.ConfigureAwait(false);
        CausewayClientOptions Connection() => new() { Profile = profile, RemoteEndPoint = server.LocalEndPoints[0] };
        ForwardEndPoint listen = ForwardEndPoint.From(new IPEndPoint(IPAddress.Loopback, 0));
        if (tunnels)
        {
            TunnelClient client = await TunnelClient.StartAsync(new TunnelClientOptions
            {
                Forwards = [new TunnelForward { Listen = listen }],
                Connection = Connection,
                Logger = new Formatter(),
            }).ConfigureAwait(false);
            await using ConfiguredAsyncDisposable clientEnd = client.ConfigureAwait(false);
            await AskAsync(client.LocalEndPoints[0], cancellationToken).ConfigureAwait(false);
        }
        else
        {
            ForwardClient client = ForwardClient.Start(new ForwardClientOptions { Listen = listen, Connection = Connection, Logger = new Formatter() });
            await using ConfiguredAsyncDisposable clientEnd = client.ConfigureAwait(false);
            await AskAsync(client.LocalEndPoint, cancellationToken).ConfigureAwait(false);
        }

        // What a name needs, which the system loads for itself.
        await Dns.GetHostAddressesAsync("localhost", cancellationToken).ConfigureAwait(false);
        await server.StopAsync().ConfigureAwait(false);
        await answering.ConfigureAwait(false);
    }

    private static async Task AskAsync(EndPoint address, CancellationToken cancellationToken)
    {
        await AskAsync(address, Length, reset: false, cancellationToken).ConfigureAwait(false);
        await AskAsync(address, 1, reset: true, cancellationToken).ConfigureAwait(false);
    }

    private static async Task AskAsync(EndPoint address, int length, bool reset, CancellationToken cancellationToken)
    {
        using Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
        Task<int> receiving = ReceiveAsync(socket, length, cancellationToken);
        byte[] bytes = new byte[length];
        for (int sent = 0; sent < length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent), cancellationToken).ConfigureAwait(false);
        }

        await receiving.ConfigureAwait(false);
        if (reset)
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        else
        {
            socket.Shutdown(SocketShutdown.Send);
            await ReceiveAsync(socket, int.MaxValue, cancellationToken).ConfigureAwait(false);
            await BreakAsync(socket, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Fails once as the sockets of peers that went do: what describes such an error is loaded with the first one.</summary>
    private static async Task BreakAsync(Socket socket, CancellationToken cancellationToken)
    {
        try
        {
            await socket.SendAsync(new byte[1], cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException error)
        {
            // As it should. A log that shows where an error came from needs parts of the runtime of its own.
            _ = error.ToString();
        }
    }

    private static async Task<int> ReceiveAsync(Socket socket, int wanted, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[16384];
        int received = 0;
        while (received < wanted)
        {
            int count = await socket.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (count == 0)
            {
                break;
            }

            received += count;
        }

        return received;
    }

    /// <summary>Sends back what two connections send, one after the other.</summary>
    private static async Task AnswerAsync(Socket target, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[16384];
        for (int i = 0; i < 2; i++)
        {
            using Socket socket = await target.AcceptAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                int count;
                while ((count = await socket.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
                {
                    for (int sent = 0; sent < count;)
                    {
                        sent += await socket.SendAsync(buffer.AsMemory(sent, count - sent), cancellationToken).ConfigureAwait(false);
                    }
                }
            }
            catch (SocketException)
            {
                // The second one ends with a reset.
            }
        }
    }

    /// <summary>Makes the text of lines, as a real log does, and drops it.</summary>
    private sealed class Formatter : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            formatter(state, exception);
    }
}
