using System.Runtime.CompilerServices;

namespace Causeway.Kcp.Fec;

/// <summary>
/// The shards of one group that arrived, until it is complete or abandoned. Objects are reused for later groups.
/// </summary>
internal sealed class FecGroup
{
    private readonly PacketSlice[] _bodies;
    private readonly int _dataShards;
    private SeenPositions _seen;

    public FecGroup(int dataShards, int parityShards)
    {
        _dataShards = dataShards;
        _bodies = new PacketSlice[dataShards + parityShards];
    }

    /// <summary>The group's number: sequence id divided by group size.</summary>
    public uint Number { get; private set; }

    /// <summary>Whether the object stands for a group at present.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Whether the data of the group is complete, so that later shards are of no use.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Shards held.</summary>
    public int Count { get; private set; }

    /// <summary>Data shards among them.</summary>
    public int DataCount { get; private set; }

    /// <summary>The body of each shard by position; <c>default</c> where none arrived.</summary>
    public ReadOnlySpan<PacketSlice> Bodies => _bodies;

    public void Open(uint number)
    {
        Number = number;
        IsOpen = true;
    }

    /// <summary>Marks a position as arrived. False if it had been before.</summary>
    public bool TryMark(int position)
    {
        ulong bit = 1UL << (position & 63);
        ref ulong word = ref _seen[position >> 6];
        bool isNew = (word & bit) == 0;
        word |= bit;
        return isNew;
    }

    /// <summary>Keeps the body of a shard, taking over its reference.</summary>
    public void Store(int position, PacketSlice body)
    {
        _bodies[position] = body;
        Count++;
        if (position < _dataShards)
        {
            DataCount++;
        }
    }

    /// <summary>Releases the bodies; the group stays open to recognise later shards as superfluous.</summary>
    public void Complete()
    {
        IsDone = true;
        ReleaseBodies();
    }

    /// <summary>Releases the bodies, as if they had not arrived.</summary>
    public void Forget() => ReleaseBodies();

    /// <summary>Releases the bodies and makes the object free for another group.</summary>
    public void Close()
    {
        ReleaseBodies();
        _seen = default;
        IsOpen = false;
        IsDone = false;
    }

    private void ReleaseBodies()
    {
        for (int position = 0; Count > 0; position++)
        {
            if (!_bodies[position].IsDefault)
            {
                _bodies[position].Release();
                _bodies[position] = default;
                Count--;
            }
        }

        DataCount = 0;
    }

    [InlineArray(ReedSolomon.MaxShards / 64)]
    private struct SeenPositions
    {
        private ulong _first;
    }
}
