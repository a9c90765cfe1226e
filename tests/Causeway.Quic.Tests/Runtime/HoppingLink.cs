using System.Net;
using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Quic.Tests.Runtime;

/// <summary>A client's link that goes on from another local port when it is told to, as behind a NAT that forgot the client.</summary>
internal sealed class HoppingLink : IDatagramLink
{
    private readonly IPEndPoint _remote;
    private readonly List<Place> _places = [];
    private Place _place;
    private bool _disposed;

    public HoppingLink(IPEndPoint remote)
    {
        _remote = remote;
        _place = new Place(UdpLink.Connect(remote));
        _places.Add(_place);
    }

    public DatagramLinkCapabilities Capabilities => _place.Link.Capabilities;

    public EndPoint LocalEndPoint => _place.Link.LocalEndPoint;

    /// <summary>What is sent from here on leaves from another port; the earlier one hears no more.</summary>
    public void Hop()
    {
        Place left = _place;
        Place next = new(UdpLink.Connect(_remote));
        _places.Add(next);
        Volatile.Write(ref _place, next);
        left.Leave();
    }

    public async ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Place here = Volatile.Read(ref _place);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(here.Left, cancellationToken);
            try
            {
                return await here.Link.ReceiveAsync(buffers, either.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // It hopped meanwhile. The socket stays open for a send that may be under way.
                ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
            }
        }
    }

    public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
        Volatile.Read(ref _place).Link.SendAsync(buffers, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        Volatile.Write(ref _disposed, true);
        foreach (Place place in _places)
        {
            place.Leave();
            await place.Link.DisposeAsync();
        }
    }

    private sealed class Place(UdpLink link)
    {
        private readonly CancellationTokenSource _left = new();

        public UdpLink Link { get; } = link;

        public CancellationToken Left => _left.Token;

        public void Leave() => _left.Cancel();
    }
}
