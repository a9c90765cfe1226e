using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// The links of a shard: the one that it began with, and at a client that goes another way those beside it, each with a name by
/// which paths mean it (<see cref="DatagramPath.Local"/>). Called on the shard only, but for <see cref="DisposeAsync"/>.
/// </summary>
internal sealed class ShardLinks : IAsyncDisposable
{
    private readonly Shard _shard;
    private readonly List<Entry> _used = [];
    private readonly List<Entry> _dropped = [];

    // Links that are being disposed, and the pumps of those that were.
    private readonly List<Task> _ending = [];
    private PacketBuffer[] _part = [];

    public ShardLinks(Shard shard, IDatagramLink first)
    {
        _shard = shard;
        First = first;
        _used.Add(new Entry(first, default, new ReceivePump(shard, first)));
    }

    /// <summary>The link that the shard began with; it may not be used any more.</summary>
    public IDatagramLink First { get; }

    /// <summary>Begins to receive.</summary>
    public void Start() => _used[0].Pump.Start();

    /// <summary>Whether a link is used.</summary>
    public bool IsUsed(IDatagramLink link) => _used.Exists(entry => entry.Link == link);

    /// <summary>Uses one more link.</summary>
    public void Add(IDatagramLink link, PeerAddress name)
    {
        ReceivePump pump = new(_shard, link, name);
        _used.Add(new Entry(link, name, pump));
        pump.Start();
    }

    /// <summary>Uses a link no more. It is disposed by <see cref="Sweep"/>.</summary>
    public void Drop(PeerAddress name)
    {
        int index = _used.FindIndex(entry => entry.Name == name);
        if (index >= 0)
        {
            _dropped.Add(_used[index]);
            _used.RemoveAt(index);
        }
    }

    /// <summary>Disposes what was dropped. Not while a send is under way.</summary>
    public void Sweep()
    {
        if (_dropped.Count == 0)
        {
            return;
        }

        _ending.RemoveAll(static task => task.IsCompleted);
        foreach (Entry entry in _dropped)
        {
            _ending.Add(EndAsync(entry));
        }

        _dropped.Clear();
    }

    /// <summary>Sends datagrams, each on the link that its path names.</summary>
    public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> datagrams) =>
        _used.Count == 1 ? _used[0].Link.SendAsync(datagrams) : SendSplitAsync(datagrams);

    /// <summary>Disposes all links, and waits until nothing of them runs.</summary>
    public async ValueTask DisposeAsync()
    {
        // The shard has stopped: nobody adds or drops any more.
        foreach (Entry entry in (Entry[])[.. _used, .. _dropped])
        {
            await EndAsync(entry).ConfigureAwait(false);
        }

        await Task.WhenAll(_ending).ConfigureAwait(false);
    }

    private static async Task EndAsync(Entry entry)
    {
        await entry.Link.DisposeAsync().ConfigureAwait(false);
        await entry.Pump.Completion.ConfigureAwait(false);
    }

    private async ValueTask SendSplitAsync(ReadOnlyMemory<PacketBuffer> datagrams)
    {
        if (_part.Length < datagrams.Length)
        {
            _part = new PacketBuffer[datagrams.Length];
        }

        // A link that is added while one of these is awaited gets nothing of this batch.
        Entry[] links = [.. _used];
        foreach (Entry entry in links)
        {
            int count = 0;
            foreach (PacketBuffer datagram in datagrams.Span)
            {
                if (NameOf(links, datagram) == entry.Name)
                {
                    _part[count++] = datagram;
                }
            }

            if (count > 0)
            {
                await entry.Link.SendAsync(_part.AsMemory(0, count)).ConfigureAwait(false);
            }
        }

        Array.Clear(_part);
    }

    // What names none of the links is for one that was dropped: it goes by the newest, or a peer that lost it would wait for it.
    private static PeerAddress NameOf(Entry[] links, PacketBuffer datagram)
    {
        foreach (Entry entry in links)
        {
            if (entry.Name == datagram.Path.Local)
            {
                return entry.Name;
            }
        }

        return links[^1].Name;
    }

    private readonly record struct Entry(IDatagramLink Link, PeerAddress Name, ReceivePump Pump);
}
