using System.Net;
using System.Net.Sockets;
using Causeway.Telemetry;

namespace Causeway.Forwarding;

/// <summary>
/// The near end of a tunnel: accepts TCP or Unix connections and carries each over a stream of its own, on one of a pool of
/// connections. Thread-safe.
/// </summary>
public sealed class ForwardClient : IAsyncDisposable
{
    // For the last lines of the log; one that takes none is not waited for.
    private static readonly TimeSpan s_lastLines = TimeSpan.FromSeconds(1);

    private readonly ForwardClientOptions _options;
    private readonly Socket _listener;
    private readonly ConnectionPool _pool;
    private readonly ForwardPlaces _places;
    private readonly ForwardTable _forwards;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;
    private Task? _stopped;

    private ForwardClient(ForwardClientOptions options)
    {
        _options = options = options with { Logger = BackgroundLogger.Over(options.Logger) };
        _pool = new ConnectionPool(new ConnectionPoolOptions
        {
            Connect = new ForwardConnector(options.Connection, options.Logger).ConnectAsync,
            MaxConnections = options.Connections,
            Choice = ConnectionChoice.RoundRobin,
            ConnectionLifetime = options.AutoExpire,
            LifetimeJitter = 0,
            DrainTimeout = options.ScavengeTtl,
            TimeProvider = options.TimeProvider,
            OnEvent = new PoolWatch(options.Logger)
            {
                LogsEnds = options.AutoExpire > TimeSpan.Zero,
                Expiring = connection => _forwards!.Cut(connection),
            }.OnEvent,
        });
        _listener = options.Listen.Listen(ForwardAcceptor.Backlog);
        _places = new ForwardPlaces(options, others: options.Connections);
        _forwards = _places.Table;
        LocalEndPoint = _listener.LocalEndPoint ?? options.Listen.EndPoint;
        _accepting = Task.Run(() => ForwardAcceptor.RunAsync(
            _listener, _places, ForwardAsync, options.TimeProvider, options.Logger, _stopping.Token));
    }

    /// <summary>Where connections are accepted, with the port that the system chose if it was 0.</summary>
    public EndPoint LocalEndPoint { get; }

    /// <summary>Connections that are forwarded at a time: as many as the options allow and the process may have sockets for.</summary>
    public int MaxForwards => _forwards.Limit;

    /// <summary>The counters of all connections to the server, live and past.</summary>
    public ForwardingStatistics Statistics => ForwardingStatistics.Of(_pool.Statistics) with { ForwardsOpen = _forwards.Count };

    /// <summary>Begins to listen. The server is not spoken to before the first connection is accepted.</summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    /// <exception cref="TransportException">The address is in use or not available.</exception>
    public static ForwardClient Start(ForwardClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        try
        {
            return new ForwardClient(options);
        }
        catch (SocketException error)
        {
            throw new TransportException(TransportError.AddressUnavailable, $"Cannot listen on {options.Listen}: {error.Message}", error);
        }
    }

    /// <summary>
    /// Accepts no more, lets what is being forwarded go on for a while, cuts off what is left so that nobody takes it for
    /// complete, and closes the connections.
    /// </summary>
    /// <param name="grace">How long what is being forwarded may go on. Closing takes at most two seconds more.</param>
    public Task StopAsync(TimeSpan grace = default)
    {
        lock (_forwards)
        {
            return _stopped ??= StopCoreAsync(grace);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private async Task StopCoreAsync(TimeSpan grace)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        _options.Listen.Unlink();
        await _accepting.ConfigureAwait(false);
        await _forwards.StopAsync(grace, _options.TimeProvider).ConfigureAwait(false);
        await _pool.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
        await BackgroundLogger.FlushAsync(_options.Logger, s_lastLines).ConfigureAwait(false);
    }

    private async Task ForwardAsync(Socket socket, ForwardTable.Forward forward)
    {
        using (forward)
        using (socket)
        {
            try
            {
                CausewayStream stream = await _pool.OpenStreamAsync(forward.CutToken).ConfigureAwait(false);
                forward.Connection = stream.Connection;
                await ForwardRelay.RunAsync(socket, stream, fromSocket: true, _options, forward.CutToken).ConfigureAwait(false);
            }
            catch (Exception error) when (error is TransportException or OperationCanceledException)
            {
                // The pool has no stream to give, so the socket is reset as a closed port would do it.
                if (error is TransportException { IsTransient: true })
                {
                    ForwardingLog.Reconnecting(_options.Logger, error.Message);
                }

                socket.LingerState = new LingerOption(true, 0);
            }
            catch (Exception error)
            {
                ForwardingLog.Unexpected(_options.Logger, error.Message, error);
            }
        }
    }
}
