using System.Net.Sockets;

namespace Causeway.Forwarding.Tunnels.Dynamic;

/// <summary>Reads the first bytes of a connection, and keeps what comes behind them.</summary>
internal sealed class SocketReader(Socket socket, int limit)
{
    private readonly byte[] _buffer = new byte[limit];
    private int _begin;
    private int _end;

    /// <summary>What was read and not taken.</summary>
    public ReadOnlyMemory<byte> Rest => _buffer.AsMemory(_begin, _end - _begin);

    /// <summary>The first byte, which stays.</summary>
    /// <returns>Null if there is none.</returns>
    public async ValueTask<byte?> PeekAsync(CancellationToken cancellationToken) =>
        _begin < _end || await FillAsync(cancellationToken).ConfigureAwait(false) ? _buffer[_begin] : null;

    /// <summary>Takes so many bytes, good until the next call.</summary>
    /// <returns>Nothing if the connection ended before, or they are more than the limit.</returns>
    public async ValueTask<ReadOnlyMemory<byte>> TakeAsync(int count, CancellationToken cancellationToken)
    {
        while (_end - _begin < count)
        {
            if (!await FillAsync(cancellationToken).ConfigureAwait(false))
            {
                return default;
            }
        }

        _begin += count;
        return _buffer.AsMemory(_begin - count, count);
    }

    /// <summary>Takes everything up to and with a mark, good until the next call.</summary>
    /// <returns>Nothing if the connection ended before, or there is no mark within the limit.</returns>
    public async ValueTask<ReadOnlyMemory<byte>> TakeThroughAsync(ReadOnlyMemory<byte> mark, CancellationToken cancellationToken)
    {
        int at;
        while ((at = _buffer.AsSpan(_begin, _end - _begin).IndexOf(mark.Span)) < 0)
        {
            if (!await FillAsync(cancellationToken).ConfigureAwait(false))
            {
                return default;
            }
        }

        return await TakeAsync(at + mark.Length, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_end == _buffer.Length)
        {
            return false;
        }

        int count = await socket.ReceiveAsync(_buffer.AsMemory(_end), SocketFlags.None, cancellationToken).ConfigureAwait(false);
        _end += count;
        return count > 0;
    }
}
