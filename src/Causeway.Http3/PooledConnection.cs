using System.Diagnostics.CodeAnalysis;
using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>The connection to one authority, replaced once it takes no more requests.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore whose wait handle is never asked for holds nothing to dispose.")]
internal sealed class PooledConnection
{
    private readonly SemaphoreSlim _lock = new(1);
    private readonly List<Http3ClientConnection> _draining = [];
    private volatile Http3ClientConnection? _current;
    private volatile Http3ClientConnection? _retired;
    private bool _isClosed;

    /// <summary>Gives the connection, or opens one; all who ask meanwhile wait for the same.</summary>
    public async ValueTask<Http3ClientConnection> GetAsync(
        Func<CancellationToken, ValueTask<IHttp3Transport>> connect, Http3Limits limits, CancellationToken cancellationToken)
    {
        if (_current is { IsUsable: true } ready && ready != _retired)
        {
            return ready;
        }

        await _lock.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(Http3ClientHandler));
            if (_current is { IsUsable: true } current && current != _retired)
            {
                return current;
            }

            await RetireAsync().ConfigureAwait(false);
            IHttp3Transport transport = await connect(cancellationToken).ConfigureAwait(false);
            return _current = await Http3ClientConnection.StartAsync(transport, limits, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _lock.Release();
        }
    }

    /// <summary>
    /// The server rejected a request on a connection. It is full, or it shuts down and GOAWAY is still on its way: new requests
    /// take another connection.
    /// </summary>
    public void Retire(Http3ClientConnection connection) => _retired = connection;

    public async Task CloseAsync()
    {
        await _lock.WaitAsync().ConfigureAwait(false);
        try
        {
            _isClosed = true;
            if (_current is not null)
            {
                _draining.Add(_current);
                _current = null;
            }

            foreach (Http3ClientConnection connection in _draining)
            {
                await connection.DisposeAsync().ConfigureAwait(false);
            }

            _draining.Clear();
        }
        finally
        {
            _lock.Release();
        }
    }

    // A connection after GOAWAY still has responses to deliver; it is closed once they are there or it has failed.
    private async ValueTask RetireAsync()
    {
        if (_current is not null)
        {
            _draining.Add(_current);
            _current = null;
        }

        for (int i = _draining.Count - 1; i >= 0; i--)
        {
            if (_draining[i].IsIdle)
            {
                await _draining[i].DisposeAsync().ConfigureAwait(false);
                _draining.RemoveAt(i);
            }
        }
    }
}
