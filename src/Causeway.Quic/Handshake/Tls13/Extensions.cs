namespace Causeway.Quic.Handshake.Tls13;

/// <summary>The extensions of one message (RFC 8446, 4.2), in their order.</summary>
internal sealed class Extensions
{
    private readonly List<(ExtensionType Type, ReadOnlyMemory<byte> Data)> _items;

    private Extensions(List<(ExtensionType Type, ReadOnlyMemory<byte> Data)> items) => _items = items;

    /// <summary>No extensions.</summary>
    public static Extensions None { get; } = new([]);

    public int Count => _items.Count;

    public (ExtensionType Type, ReadOnlyMemory<byte> Data) this[int index] => _items[index];

    /// <summary>Reads the vector of extensions that must end the message.</summary>
    /// <param name="reader">Stands before the vector.</param>
    /// <param name="extensions">What was read.</param>
    /// <returns><see cref="AlertDescription.CloseNotify"/> if all is well.</returns>
    public static AlertDescription Parse(ref TlsReader reader, out Extensions extensions)
    {
        extensions = None;
        if (!reader.TryReadVector16(out ReadOnlyMemory<byte> block) || !reader.IsEmpty)
        {
            return AlertDescription.DecodeError;
        }

        // One bit for each type: "There MUST NOT be more than one extension of the same type" (RFC 8446, 4.2), in
        // linear time.
        Span<ulong> seen = stackalloc ulong[(ushort.MaxValue + 1) / 64];
        seen.Clear();
        List<(ExtensionType Type, ReadOnlyMemory<byte> Data)> items = [];
        TlsReader rest = new(block);
        while (!rest.IsEmpty)
        {
            if (!rest.TryReadUInt16(out ushort type) || !rest.TryReadVector16(out ReadOnlyMemory<byte> data))
            {
                return AlertDescription.DecodeError;
            }

            ulong bit = 1UL << (type & 63);
            if ((seen[type >> 6] & bit) != 0)
            {
                return AlertDescription.IllegalParameter;
            }

            seen[type >> 6] |= bit;
            items.Add(((ExtensionType)type, data));
        }

        extensions = new Extensions(items);
        return AlertDescription.CloseNotify;
    }

    public bool TryGet(ExtensionType type, out ReadOnlyMemory<byte> data)
    {
        foreach ((ExtensionType Type, ReadOnlyMemory<byte> Data) item in _items)
        {
            if (item.Type == type)
            {
                data = item.Data;
                return true;
            }
        }

        data = default;
        return false;
    }

    /// <summary>
    /// Whether there is one that belongs to other messages only, which is an illegal_parameter; those that do not exist
    /// here are no matter (RFC 8446, 4.2).
    /// </summary>
    public bool HasMisplaced(ReadOnlySpan<ExtensionType> allowed)
    {
        foreach ((ExtensionType Type, ReadOnlyMemory<byte> Data) item in _items)
        {
            if (Enum.IsDefined(item.Type) && !allowed.Contains(item.Type))
            {
                return true;
            }
        }

        return false;
    }

    public bool Contains(ExtensionType type) => TryGet(type, out _);
}
