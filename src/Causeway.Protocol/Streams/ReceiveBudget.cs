namespace Causeway.Protocol.Streams;

/// <summary>
/// What a session has granted to the senders of all its streams together, in bytes: stored, under way, or still to be
/// sent.
/// </summary>
/// <remarks>
/// <para>
/// Three sixteenths of the memory are for floors: the part of a window that a stream has from its beginning to its end,
/// whatever the others do. Three quarters are for what windows have beyond their floors, and a sixteenth is never
/// granted, for what the reliable layer below stores besides payload. So the sum of all grants fits, and a stream whose
/// reader stops keeps what it was granted and takes nothing from a floor.
/// </para>
/// <para>
/// A window cannot be taken back once it is full, and nobody knows beforehand which reader will stop. So the most that
/// one stream may have falls with the square of what is left: however many readers stop one after another, something is
/// left for the next (after n of them about 1/n, where a fixed share would leave a power). Floors follow the same rule.
/// </para>
/// </remarks>
internal sealed class ReceiveBudget
{
    // More than most requests and many answers. It costs a round trip to a stream that needs more while memory is
    // short, and nothing otherwise.
    private const int MostFloor = 32 << 10;

    // The least floor: 1 KiB of the default budget, so that this has room for 60 000 idle streams. Where budgets are
    // small, floors are too.
    private const int LeastFloorPart = 65536;
    private const int MostFloorPart = 16;

    // A stream that has shown no need yet gets the fourth power of what is left in place of the square, and a part of
    // that: 200 streams that nobody ever reads leave a third of the memory, 1 000 leave a sixth.
    private const int UnprovenShare = 16;

    private readonly long _floorMemory;
    private readonly int _leastFloor;
    private long _floors;
    private long _grown;

    /// <summary>Makes a budget of which nothing is granted.</summary>
    /// <param name="size">Bytes that may be stored.</param>
    public ReceiveBudget(long size)
    {
        GrowthMemory = Math.Max(size / 4 * 3, 1);
        _floorMemory = size / 16 * 3;
        _leastFloor = (int)Math.Max(size / LeastFloorPart, 1);
    }

    /// <summary>What is granted now.</summary>
    public long Granted => _floors + _grown;

    /// <summary>The most that can be granted beyond floors.</summary>
    public long GrowthMemory { get; }

    /// <summary>Whether there is a floor for one more stream.</summary>
    public bool HasFloor => Math.Max(_floorMemory - _floors, Free(0)) >= _leastFloor;

    /// <summary>Reserves the floor of a new stream.</summary>
    public int TakeFloor()
    {
        double left = Math.Max(0, (double)(_floorMemory - _floors) / Math.Max(_floorMemory, 1));
        long most = Math.Min(MostFloor, _floorMemory / MostFloorPart);
        int floor = (int)Math.Max(_leastFloor, most * left * left);
        _floors += floor;
        return floor;
    }

    /// <summary>A stream has ended.</summary>
    public void ReturnFloor(int floor) => _floors -= floor;

    /// <summary>What a stream has beyond its floor changed.</summary>
    public void Grow(long by) => _grown += by;

    /// <summary>What could be granted to a stream beyond its floor, given what it has already.</summary>
    public long Free(long own) => Math.Max(0, GrowthMemory - (_grown - own) - Math.Max(0, _floors - _floorMemory));

    /// <summary>The most that a stream may have beyond its floor when the memory is not its alone.</summary>
    public long Share(long own)
    {
        double left = (double)Free(own) / GrowthMemory;
        return (long)(GrowthMemory * left * left);
    }

    /// <summary>The same for a stream that has not shown what it needs.</summary>
    public long UnprovenWindow(long own)
    {
        double left = (double)Free(own) / GrowthMemory;
        return (long)(GrowthMemory * left * left * left * left / UnprovenShare);
    }
}
