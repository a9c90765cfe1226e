using System.Net;
using System.Runtime.CompilerServices;
using Causeway.Protocol;

namespace Causeway.Links;

/// <summary>
/// Rewrites the datagrams of another link by a <see cref="DatagramTransform"/> for each direction: a cipher, a
/// camouflage.
/// </summary>
/// <remarks>
/// Owns the inner link and the transforms, and disposes them; a transform that is at work when the link is disposed is
/// disposed when it has finished.
/// </remarks>
public sealed class TransformLink : IDatagramLink
{
    private readonly IDatagramLink _inner;
    private readonly DatagramTransform _sendTransform;
    private readonly DatagramTransform _receiveTransform;
    private OperationGate _sendGate;
    private OperationGate _receiveGate;
    private long _refused;

    /// <summary>Makes the decorator.</summary>
    /// <param name="inner">The link that carries the rewritten datagrams.</param>
    /// <param name="sendTransform">Rewrites what is sent.</param>
    /// <param name="receiveTransform">
    /// Undoes the same for what is received; another instance, since both work at the same time.
    /// </param>
    /// <exception cref="ArgumentException">
    /// Both are one instance, or the inner link is too narrow for what the transform adds.
    /// </exception>
    public TransformLink(IDatagramLink inner, DatagramTransform sendTransform, DatagramTransform receiveTransform)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentNullException.ThrowIfNull(sendTransform);
        ArgumentNullException.ThrowIfNull(receiveTransform);
        if (ReferenceEquals(sendTransform, receiveTransform))
        {
            throw new ArgumentException("Each direction needs a transform of its own.", nameof(receiveTransform));
        }

        DatagramLinkCapabilities below = inner.Capabilities;
        int size = below.MaxDatagramSize - sendTransform.Headroom - sendTransform.Tailroom;
        if (size <= 0)
        {
            throw new ArgumentException(
                $"The transform adds {sendTransform.Headroom} + {sendTransform.Tailroom} bytes; "
                    + $"the inner link carries {below.MaxDatagramSize}.",
                nameof(sendTransform));
        }

        _inner = inner;
        _sendTransform = sendTransform;
        _receiveTransform = receiveTransform;
        receiveTransform.PairWith(sendTransform);
        Capabilities = below with
        {
            MaxDatagramSize = size,
            Headroom = below.Headroom + sendTransform.Headroom,
            Tailroom = below.Tailroom + sendTransform.Tailroom,
        };
    }

    /// <summary>Told of the peers whose datagrams did not open, if anybody is.</summary>
    internal RefusalLog? RefusalLog { get; init; }

    /// <inheritdoc/>
    public DatagramLinkCapabilities Capabilities { get; }

    /// <inheritdoc/>
    public EndPoint LocalEndPoint => _inner.LocalEndPoint;

    /// <summary>Received datagrams that did not open; the transform counts them by reason.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <inheritdoc/>
    /// <remarks>
    /// Returns 0 rather than wait on when nothing of a batch opened, so that a flood of forged datagrams cannot keep
    /// the caller from its other work.
    /// </remarks>
    public ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        _receiveGate.Enter(typeof(TransformLink));
        bool waits = false;
        try
        {
            ValueTask<int> receive = _inner.ReceiveAsync(buffers, cancellationToken);
            if (receive.IsCompletedSuccessfully)
            {
                return new ValueTask<int>(Open(buffers.Span[..receive.Result]));
            }

            waits = true;
            return OpenAsync(receive, buffers);
        }
        finally
        {
            if (!waits)
            {
                LeaveReceive();
            }
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">
    /// A buffer has less room around its payload than <see cref="Capabilities"/> asks for.
    /// </exception>
    public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        _sendGate.Enter(typeof(TransformLink));
        try
        {
            _sendTransform.Protect(buffers.Span);
        }
        finally
        {
            if (_sendGate.Exit())
            {
                _sendTransform.Dispose();
            }
        }

        return _inner.SendAsync(buffers, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (_sendGate.Close())
        {
            _sendTransform.Dispose();
        }

        if (_receiveGate.Close())
        {
            _receiveTransform.Dispose();
        }

        return _inner.DisposeAsync();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> OpenAsync(ValueTask<int> receive, Memory<PacketBuffer> buffers)
    {
        try
        {
            int count = await receive.ConfigureAwait(false);
            return Open(buffers.Span[..count]);
        }
        finally
        {
            LeaveReceive();
        }
    }

    private int Open(Span<PacketBuffer> batch)
    {
        if (batch.IsEmpty)
        {
            return 0;
        }

        int opened = _receiveTransform.Unprotect(batch);
        _refused += batch.Length - opened;
        foreach (PacketBuffer refused in batch[opened..])
        {
            RefusalLog?.Note(refused.Peer);
            refused.Release();
        }

        batch[opened..].Clear();
        return opened;
    }

    private void LeaveReceive()
    {
        if (_receiveGate.Exit())
        {
            _receiveTransform.Dispose();
        }
    }
}
