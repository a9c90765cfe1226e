using System.Buffers;
using Causeway.Http3.Framing;
using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>
/// What both ends of an HTTP/3 connection do: open the control stream and the QPACK streams, accept the peer's streams, keep
/// the first failure and close with its code.
/// </summary>
internal abstract class Http3Connection : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly SemaphoreSlim _controlLock = new(1);
    private readonly PeerStreams _peerStreams;
    private Http3Stream? _control;
    private Http3Exception? _failure;

    protected Http3Connection(IHttp3Transport transport, Http3Limits limits)
    {
        limits.Validate();
        Transport = transport;
        Limits = limits;
        _peerStreams = new PeerStreams(this);
        Ended = _ended.Token;
    }

    /// <summary>Why the connection ended; null while it is open.</summary>
    public Http3Exception? Failure
    {
        get
        {
            lock (_gate)
            {
                return _failure;
            }
        }
    }

    /// <summary>The peer's settings; until they arrive, the initial ones.</summary>
    public PeerSettings PeerSettings { get; internal set; } = PeerSettings.Initial;

    /// <summary>Cancelled when the connection has ended.</summary>
    internal CancellationToken Ended { get; }

    internal IHttp3Transport Transport { get; }

    protected internal Http3Limits Limits { get; }

    /// <summary>Takes the ID of a GOAWAY frame, which is not larger than that of the one before.</summary>
    /// <returns>False if no such ID can exist: H3_ID_ERROR.</returns>
    internal abstract bool OnGoAway(long id);

    /// <summary>Takes a bidirectional stream of the peer. Must not throw.</summary>
    protected abstract void OnBidirectionalStream(Http3Stream stream);

    /// <summary>Opens our unidirectional streams: the control stream with our SETTINGS first.</summary>
    protected async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        ArrayBufferWriter<byte> preface = new();
        FrameWriter.WriteControlPreface(preface, Limits);
        _control = await OpenOwnAsync(preface.WrittenMemory, cancellationToken).ConfigureAwait(false);
        await OpenOwnAsync(new[] { (byte)StreamType.QpackEncoder }, cancellationToken).ConfigureAwait(false);
        await OpenOwnAsync(new[] { (byte)StreamType.QpackDecoder }, cancellationToken).ConfigureAwait(false);
        if (Limits.SendReserved)
        {
            // The peer need not grant a fourth stream: nobody waits for this one.
            _ = SendReservedStreamAsync();
        }
    }

    /// <summary>Accepts the peer's streams until the connection ends; never throws.</summary>
    protected async Task AcceptStreamsAsync()
    {
        try
        {
            while (true)
            {
                Http3Stream stream = await Transport.AcceptAsync(Ended).ConfigureAwait(false);
                if (stream.IsBidirectional)
                {
                    OnBidirectionalStream(stream);
                }
                else
                {
                    _ = _peerStreams.RunAsync(stream);
                }
            }
        }
        catch (Exception error)
        {
            await FailAsync(error).ConfigureAwait(false);
        }
    }

    /// <summary>Ends the connection with what an exception says; keeps the first reason. Never throws.</summary>
    internal async ValueTask FailAsync(Exception error)
    {
        Http3Exception reason = error is Http3Exception { IsConnectionError: true } failure
            ? failure
            : new Http3Exception(Http3ErrorCode.InternalError, error.Message, error) { IsConnectionError = true };
        lock (_gate)
        {
            if (_failure is not null)
            {
                return;
            }

            _failure = reason;
        }

        // The transport may wait for the peer before it has closed: what goes on here is told before that.
        Task closing = reason.IsByPeer ? Task.CompletedTask : CloseTransportAsync(reason);
        await _ended.CancelAsync().ConfigureAwait(false);
        await closing.ConfigureAwait(false);
    }

    /// <summary>Ends what an exception concerns: its stream, or the connection. Never throws.</summary>
    internal async ValueTask HandleAsync(Exception error, Http3Stream stream)
    {
        switch (error)
        {
            case Http3Exception { IsConnectionError: true }:
                await FailAsync(error).ConfigureAwait(false);
                break;
            case Http3Exception { IsByPeer: false } ours:
                stream.Abort(StreamDirections.Both, ours.ErrorCode);
                break;
            case Http3Exception or OperationCanceledException:
                stream.Abort(StreamDirections.Both, Http3ErrorCode.RequestCancelled);
                break;
            default:
                stream.Abort(StreamDirections.Both, Http3ErrorCode.InternalError);
                break;
        }
    }

    /// <summary>Waits until both sides know each other.</summary>
    internal Task WaitForHandshakeAsync(CancellationToken cancellationToken) => Transport.WaitForHandshakeAsync(cancellationToken);

    /// <summary>Sends GOAWAY (RFC 9114, 5.2).</summary>
    protected async ValueTask SendGoAwayAsync(long id, CancellationToken cancellationToken)
    {
        ArrayBufferWriter<byte> frame = new();
        FrameWriter.WriteIdFrame(frame, FrameType.GoAway, id);
        await _controlLock.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_control is not null)
            {
                await _control.WriteAsync(frame.WrittenMemory, cancellationToken).ConfigureAwait(false);
                await _control.FlushAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _controlLock.Release();
        }
    }

    /// <summary>Closes the connection with H3_NO_ERROR.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        await FailAsync(Http3Exception.OfConnection(Http3ErrorCode.NoError, "The connection was closed.")).ConfigureAwait(false);
        await Transport.DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    // Not disposed: that would close the stream, and these must stay open.
    private async ValueTask<Http3Stream> OpenOwnAsync(ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        Http3Stream stream = await Transport.OpenUnidirectionalAsync(cancellationToken).ConfigureAwait(false);
        await stream.WriteAsync(content, cancellationToken).ConfigureAwait(false);
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        return stream;
    }

    private async Task CloseTransportAsync(Http3Exception reason)
    {
        try
        {
            await Transport.CloseAsync(reason.ErrorCode, reason.Message).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It is closed as it is.
        }
    }

    private async Task SendReservedStreamAsync()
    {
        try
        {
            Http3Stream stream = await Transport.OpenUnidirectionalAsync(Ended).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                byte[] type = new byte[VarInt.MaxLength];
                await stream.WriteAsync(type.AsMemory(0, VarInt.Write(type, Reserved.Next())), Ended).ConfigureAwait(false);
                stream.CompleteWrites();
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or NotSupportedException)
        {
            // The peer refused the stream, or the connection ended: the stream means nothing.
        }
    }
}
