using System.Net;
using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.PortForwarder.Quic;

/// <summary>
/// A client's link whose local port changes once, as it does behind a NAT that forgot the client: what is sent to the old port
/// from then on is lost, and QUIC goes on from the new one (RFC 9000, 9.3).
/// </summary>
internal sealed class RebindingLink : IDatagramLink
{
    private readonly IDatagramLink _before;
    private readonly UdpLink _after;
    private readonly CancellationTokenSource _moved = new();
    private readonly TimeSpan _delay;
    private bool _hasHeard;

    /// <param name="before">The link until then.</param>
    /// <param name="remote">The server, to which both are connected.</param>
    /// <param name="delay">How long until then, from the server's first datagram on.</param>
    public RebindingLink(IDatagramLink before, IPEndPoint remote, TimeSpan delay)
    {
        _before = before;
        _after = UdpLink.Connect(remote);
        _delay = delay;
    }

    public DatagramLinkCapabilities Capabilities => _before.Capabilities;

    public EndPoint LocalEndPoint => Current.LocalEndPoint;

    private IDatagramLink Current => _moved.IsCancellationRequested ? _after : _before;

    public async ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        if (!_moved.IsCancellationRequested)
        {
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(_moved.Token, cancellationToken);
            try
            {
                int count = await _before.ReceiveAsync(buffers, either.Token).ConfigureAwait(false);
                if (!_hasHeard)
                {
                    _hasHeard = true;
                    _moved.CancelAfter(_delay);
                }

                return count;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // It moved meanwhile.
            }
        }

        return await _after.ReceiveAsync(buffers, cancellationToken).ConfigureAwait(false);
    }

    public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
        Current.SendAsync(buffers, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _before.DisposeAsync().ConfigureAwait(false);
        await _after.DisposeAsync().ConfigureAwait(false);
        _moved.Dispose();
    }
}
