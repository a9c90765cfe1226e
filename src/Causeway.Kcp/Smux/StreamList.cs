namespace Causeway.Kcp.Smux;

/// <summary>A stream's place in one <see cref="StreamList{TLink}"/>.</summary>
internal struct StreamLink
{
    public SmuxStream? Previous;
    public SmuxStream? Next;
    public bool IsLinked;
}

/// <summary>Says which of a stream's links a list uses.</summary>
internal interface IStreamLink
{
    /// <summary>The link in <paramref name="stream"/>.</summary>
    static abstract ref StreamLink Of(SmuxStream stream);
}

/// <summary>
/// A queue of streams threaded through the streams themselves. A stream is in it once at most and leaves it from
/// anywhere in constant time, so that no queue is longer than there are streams, whatever a peer does.
/// </summary>
internal struct StreamList<TLink>
    where TLink : struct, IStreamLink
{
    private SmuxStream? _last;

    /// <summary>The first stream, or null.</summary>
    public SmuxStream? First { get; private set; }

    /// <summary>Appends a stream unless it is in the list.</summary>
    public void Append(SmuxStream stream)
    {
        ref StreamLink link = ref TLink.Of(stream);
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
    public void Remove(SmuxStream stream)
    {
        ref StreamLink link = ref TLink.Of(stream);
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
