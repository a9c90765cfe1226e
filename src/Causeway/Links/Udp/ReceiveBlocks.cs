using Causeway.Protocol;

namespace Causeway.Links.Udp;

/// <summary>
/// The blocks that a link receives runs of datagrams into. It owns all of them for as long as it likes: views of a block
/// take references of their own, and a block whose references have come back to this one alone is used again. So however
/// long somebody holds on to a view, a link never keeps more than its limit.
/// </summary>
/// <remarks>
/// Blocks are made when one is asked for and none is free, and given back when a while went by in which they were not
/// needed. The foremost free block is always the one taken, so that as few as possible are in the processor's caches, and
/// those at the end fall idle. One receiver takes; the timer trims: hence the lock, once a block.
/// </remarks>
internal sealed class ReceiveBlocks : IDisposable
{
    /// <summary>Blocks that an idle link keeps.</summary>
    public const int Least = 2;

    // Longer than the gaps in what is still one transfer, shorter than anybody waits to see memory given back.
    private static readonly TimeSpan s_trimInterval = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly PacketPool _pool;
    private readonly PacketBuffer?[] _blocks;
    private Timer? _timer;
    private int _count;

    // One more than the highest place that was taken since the last look.
    private int _high;
    private bool _disposed;

    public ReceiveBlocks(PacketPool pool, int limit)
    {
        _pool = pool;
        _blocks = new PacketBuffer?[limit];
    }

    /// <summary>Blocks that the link holds, free or with views out.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>A free block, empty, with a reference for the caller; null if all are in use.</summary>
    public PacketBuffer? TryTake()
    {
        lock (_lock)
        {
            for (int i = 0; i < _blocks.Length; i++)
            {
                if (i == _count)
                {
                    Grow();
                }

                PacketBuffer block = _blocks[i]!;
                if (block.ReferenceCount == 1)
                {
                    block.Retain();
                    block.Reset(headroom: 0);
                    _high = Math.Max(_high, i + 1);
                    return block;
                }
            }

            return null;
        }
    }

    /// <summary>
    /// Gives back the free blocks at the end that were not taken since the last call, but for <see cref="Least"/>.
    /// </summary>
    public void Trim()
    {
        lock (_lock)
        {
            int keep = Math.Max(_high, Least);
            _high = 0;
            while (_count > keep && _blocks[_count - 1]!.ReferenceCount == 1)
            {
                _blocks[--_count]!.Release();
                _blocks[_count] = null;
            }

            if (_count <= Least)
            {
                _timer?.Dispose();
                _timer = null;
            }
        }
    }

    /// <summary>Gives up all blocks; those with views out are returned by the last of these.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _timer?.Dispose();
            _timer = null;
            for (; _count > 0; _count--)
            {
                _blocks[_count - 1]!.Release();
                _blocks[_count - 1] = null;
            }
        }
    }

    private void Grow()
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(UdpLink));
        _blocks[_count++] = _pool.Rent(headroom: 0);
        if (_count > Least && _timer is null)
        {
            _timer = new Timer(static state => ((ReceiveBlocks)state!).Trim(), this, s_trimInterval, s_trimInterval);
        }
    }
}
