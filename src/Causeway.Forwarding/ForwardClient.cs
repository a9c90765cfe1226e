using System.Net;
using System.Net.Sockets;
using Causeway.Protocol;
using Causeway.Telemetry;

namespace Causeway.Forwarding;

/// <summary>
/// The near end of a tunnel: accepts TCP or Unix connections and carries each over a stream of its own, on one of a pool of
/// connections. Thread-safe.
/// </summary>
public sealed class ForwardClient : IAsyncDisposable
{
    private const int Backlog = 1024;

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
    private int _mtu = TransportProfile.MaxMtu;

    private ForwardClient(ForwardClientOptions options)
    {
        _options = options = options with { Logger = BackgroundLogger.Over(options.Logger) };
        _pool = new ConnectionPool(new ConnectionPoolOptions
        {
            Connect = ConnectAsync,
            Connections = options.Connections,
            AutoExpire = options.AutoExpire,
            ScavengeTtl = options.ScavengeTtl,
            TimeProvider = options.TimeProvider,
            Logger = options.Logger,
            Expiring = connection => _forwards!.Cut(connection),
        });
        _listener = options.Listen.Listen(Backlog);
        _places = new ForwardPlaces(options, others: options.Connections);
        _forwards = _places.Table;
        LocalEndPoint = _listener.LocalEndPoint ?? options.Listen.EndPoint;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where connections are accepted, with the port that the system chose if it was 0.</summary>
    public EndPoint LocalEndPoint { get; }

    /// <summary>Connections that are forwarded at a time: as many as the options allow and the process may have sockets for.</summary>
    public int MaxForwards => _forwards.Limit;

    /// <summary>The counters of all connections to the server, live and past.</summary>
    public ForwardingStatistics Statistics => _pool.Statistics with { ForwardsOpen = _forwards.Count };

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

    private async ValueTask<CausewayConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        // Nothing here blocks, and relaying a small message is less work than waking a thread for it.
        CausewayClientOptions options = _options.Connection() with { UnsafePreferInlineScheduling = true };
        TransportProfile profile = options.Profile with { Mtu = Math.Min(options.Profile.Mtu, Volatile.Read(ref _mtu)) };
        CausewayConnection connection = await CausewayConnection.ConnectAsync(
            options with { Profile = profile }, cancellationToken).ConfigureAwait(false);
        _ = LearnAsync(connection, profile);
        ForwardingLog.ConnectionOpened(
            _options.Logger, options.Profile.StreamProtocol, connection.LocalEndPoint, connection.RemoteEndPoint);
        return connection;
    }

    /// <summary>The next connections send shorter datagrams if this one ends because its own do not arrive.</summary>
    private async Task LearnAsync(CausewayConnection connection, TransportProfile profile)
    {
        await connection.Closed.ConfigureAwait(false);
        if (connection.Failure?.Error == TransportError.PathTooNarrow && profile.WithShorterDatagrams() is { } shorter
            && LowerMtu(shorter.Mtu))
        {
            ForwardingLog.ShorterDatagrams(_options.Logger, profile.Mtu, shorter.Mtu);
        }
    }

    private bool LowerMtu(int mtu)
    {
        for (int known = Volatile.Read(ref _mtu); known > mtu; known = Volatile.Read(ref _mtu))
        {
            if (Interlocked.CompareExchange(ref _mtu, mtu, known) == known)
            {
                return true;
            }
        }

        return false;
    }

    private async Task AcceptAsync()
    {
        CancellationToken stopping = _stopping.Token;
        AcceptBackoff backoff = new(_options.TimeProvider);
        try
        {
            while (true)
            {
                if (_forwards.IsFull)
                {
                    _places.LogFull();
                }

                ForwardTable.Forward forward = await _forwards.AddAsync(stopping).ConfigureAwait(false);
                try
                {
                    await _places.WaitForDescriptorsAsync(stopping).ConfigureAwait(false);
                    Socket socket = await _listener.AcceptAsync(stopping).ConfigureAwait(false);
                    backoff.Reset();

                    // It is served whatever its number; the next one may have to wait.
                    _places.Pass(socket);

                    // What it does before it first waits is to open a stream: a hop to another thread would cost more.
                    _ = ForwardAsync(socket, forward);
                }
                catch (SocketException error) when (!stopping.IsCancellationRequested)
                {
                    forward.Dispose();
                    if (!_places.IsOutOfDescriptors(error))
                    {
                        ForwardingLog.AcceptFailed(_options.Logger, error.Message);
                    }

                    await backoff.WaitAsync(stopping).ConfigureAwait(false);
                }
                catch
                {
                    forward.Dispose();
                    throw;
                }
            }
        }
        catch (Exception error) when (stopping.IsCancellationRequested
            && error is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // Stopped.
        }
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
