using System.Diagnostics.CodeAnalysis;
using System.Net.Http;

namespace Causeway;

/// <summary>
/// Carries the HTTP/1.1 and HTTP/2 of an <see cref="HttpClient"/> over streams: its <see cref="ConnectAsync"/> is a
/// <see cref="SocketsHttpHandler.ConnectCallback"/>. One connection serves all requests; it is opened with the first one, and again
/// after it was lost. Thread-safe.
/// </summary>
/// <remarks>
/// The connection is encrypted by the profile, so that requests have "http" URIs; their host and port only name the server to itself.
/// For HTTP/2, and so for gRPC, set <see cref="HttpClient.DefaultRequestVersion"/> to 2.0 and
/// <see cref="HttpClient.DefaultVersionPolicy"/> to <see cref="HttpVersionPolicy.RequestVersionExact"/>.
/// </remarks>
/// <example>
/// <code>
/// await using CausewayHttpConnector connector = new(options);
/// using HttpClient client = new(new SocketsHttpHandler { ConnectCallback = connector.ConnectAsync });
/// string text = await client.GetStringAsync("http://service/");
/// </code>
/// </example>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore whose wait handle is never asked for holds nothing to dispose.")]
public sealed class CausewayHttpConnector : IAsyncDisposable
{
    private readonly CausewayClientOptions _options;
    private readonly SemaphoreSlim _lock = new(1);
    private readonly List<CausewayConnection> _connections = [];
    private volatile CausewayConnection? _current;
    private bool _isDisposed;

    /// <summary>Makes a connector; nothing is connected yet.</summary>
    /// <param name="options">The server and the profile.</param>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    public CausewayHttpConnector(CausewayClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
    }

    /// <summary>The connection that serves requests at present; null before the first.</summary>
    public CausewayConnection? Connection => _current;

    /// <summary>A <see cref="SocketsHttpHandler.ConnectCallback"/> over a connection that the application keeps, for as long as it lasts.</summary>
    public static Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> Over(CausewayConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return async (_, cancellationToken) => await connection.OpenStreamAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Opens a stream, on a new connection if need be. For <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    /// <param name="context">What the handler wants to connect to; it is not looked at.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="TransportException">There is no connection to be had.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The connector was disposed.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        CausewayConnection connection = await GetAsync(tried: null, cancellationToken).ConfigureAwait(false);
        try
        {
            return await connection.OpenStreamAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (TransportException)
        {
            // It ended since, or has no stream left to give.
            connection = await GetAsync(tried: connection, cancellationToken).ConfigureAwait(false);
            return await connection.OpenStreamAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Closes the connection, with what is under way on it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _lock.WaitAsync().ConfigureAwait(false);
        try
        {
            _isDisposed = true;
            _current = null;
            foreach (CausewayConnection connection in _connections)
            {
                await connection.DisposeAsync().ConfigureAwait(false);
            }

            _connections.Clear();
        }
        finally
        {
            _lock.Release();
        }
    }

    private async ValueTask<CausewayConnection> GetAsync(CausewayConnection? tried, CancellationToken cancellationToken)
    {
        if (_current is { } ready && IsUsable(ready, tried))
        {
            return ready;
        }

        await _lock.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_current is { } current && IsUsable(current, tried))
            {
                return current;
            }

            await ForgetEndedAsync().ConfigureAwait(false);
            CausewayConnection opened = await CausewayConnection.ConnectAsync(_options, cancellationToken).ConfigureAwait(false);
            _connections.Add(opened);
            return _current = opened;
        }
        finally
        {
            _lock.Release();
        }
    }

    // One whose peer is silent may come back, and its requests with it; new ones do not wait for that.
    private static bool IsUsable(CausewayConnection connection, CausewayConnection? tried) =>
        connection != tried && !connection.Closed.IsCompleted && !connection.IsUnresponsive;

    private async ValueTask ForgetEndedAsync()
    {
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            if (_connections[i].Closed.IsCompleted)
            {
                await _connections[i].DisposeAsync().ConfigureAwait(false);
                _connections.RemoveAt(i);
            }
        }
    }
}
