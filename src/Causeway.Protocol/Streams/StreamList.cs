namespace Causeway.Protocol.Streams;

/// <summary>A stream's place in one <see cref="StreamList{TStream, TLink}"/>.</summary>
internal struct StreamLink<TStream>
    where TStream : TransportStream
{
    public TStream? Previous;
    public TStream? Next;
    public bool IsLinked;
}

/// <summary>Says which of a stream's links a list uses.</summary>
internal interface IStreamLink<TStream>
    where TStream : TransportStream
{
    /// <summary>The link in <paramref name="stream"/>.</summary>
    static abstract ref StreamLink<TStream> Of(TStream stream);
}

/// <summary>
/// A queue of streams threaded through the streams themselves. A stream is in it once at most and leaves it from
/// anywhere in constant time, so that no queue is longer than there are streams, whatever a peer does.
/// </summary>
internal struct StreamList<TStream, TLink>
    where TStream : TransportStream
    where TLink : struct, IStreamLink<TStream>
{
    private TStream? _last;

    /// <summary>The first stream, or null.</summary>
    public TStream? First { get; private set; }

    /// <summary>Appends a stream unless it is in the list.</summary>
    public void Append(TStream stream)
    {
        ref StreamLink<TStream> link = ref TLink.Of(stream);
        if (link.IsLinked)
        {
            return;
        }

        link.IsLinked = true;
        link.Previous = _last;
        if (_last is null)
        {
            First = stream;
        }
        else
        {
            TLink.Of(_last).Next = stream;
        }

        _last = stream;
    }

    /// <summary>Removes a stream if it is in the list.</summary>
    public void Remove(TStream stream)
    {
        ref StreamLink<TStream> link = ref TLink.Of(stream);
        if (!link.IsLinked)
        {
            return;
        }

        if (link.Previous is null)
        {
            First = link.Next;
        }
        else
        {
            TLink.Of(link.Previous).Next = link.Next;
        }

        if (link.Next is null)
        {
            _last = link.Previous;
        }
        else
        {
            TLink.Of(link.Next).Previous = link.Previous;
        }

        link = default;
    }

    /// <summary>Moves the first stream behind the last.</summary>
    public void Rotate()
    {
        if (First is { } first && !ReferenceEquals(first, _last))
        {
            Remove(first);
            Append(first);
        }
    }
}
