using System.IO.Pipelines;
using Causeway.Protocol.Streams;
using Causeway.Runtime;

namespace Causeway;

/// <summary>
/// One byte stream of a connection, of both directions or of one: a <see cref="Stream"/>, and an <see cref="IDuplexPipe"/> for
/// those who prefer pipes (use one or the other of them for a direction).
/// </summary>
/// <remarks>
/// <para>
/// One read and one write may be under way at a time, on any threads; each is under way until it has been awaited. A write
/// completes when its bytes have their place in the send window, so that a peer that does not read stops the writer. A
/// cancelled write may have sent a part of its bytes.
/// </para>
/// <para>
/// Disposing delivers what was written and then closes both directions. <see cref="CompleteWrites"/> closes the sending
/// direction only, with QUIC and between two ends of Causeway; a peer that is kcptun itself takes even that as the end of both
/// (see <see cref="CausewayConnection.SupportsHalfCloseAsync"/>).
/// </para>
/// </remarks>
public sealed partial class CausewayStream : Stream, IDuplexPipe
{
    private readonly TransportStream _mux;
    private readonly StreamCipher? _cipher;
    private readonly StreamWork _work;
    private readonly Lock _gate = new();
    private PipeReader? _input;
    private PipeWriter? _output;
    private volatile bool _disposed;
    private volatile bool _abort;
    private volatile bool _openingHeld;
    private long _readAbortCode = -1;
    private long _writeAbortCode = -1;
    private int _abortDirections;
    private bool _resumes;

    internal CausewayStream(CausewayConnection connection, TransportStream mux, StreamCipher? cipher)
    {
        Connection = connection;
        _mux = mux;
        _cipher = cipher;
        UpdateReportStep();
        _work = new StreamWork(this);
        mux.Tag = this;
        mux.Source = _work;
        Id = mux.Id;
        if (!mux.CanRead)
        {
            _readEnded = true;
            _readsClosed.Complete(null);
        }

        if (!mux.CanWrite)
        {
            _writesClosed.Complete(null);
        }
    }

    /// <summary>The connection that carries the stream.</summary>
    public CausewayConnection Connection { get; }

    /// <summary>
    /// The stream's number on the wire. With QUIC, its two lowest bits say who opened it and whether it is unidirectional (RFC 9000,
    /// 2.1); with kcptun, it is odd if the client opened it (docs/wire/kcptun.md 7.2).
    /// </summary>
    public long Id { get; }

    /// <summary>The receiving direction as a pipe.</summary>
    public PipeReader Input => _input ??= PipeReader.Create(this, new StreamPipeReaderOptions(bufferSize: 16384, leaveOpen: true));

    /// <summary>
    /// The sending direction as a pipe. Completing it without an error is <see cref="CompleteWrites"/>. Once the peer takes no
    /// more, or the connection has ended, flushing throws nothing but returns <see cref="FlushResult.IsCompleted"/>, and what is
    /// written is dropped; <see cref="WritesClosed"/> has the reason.
    /// </summary>
    public PipeWriter Output => _output ??= new StreamPipeWriter(this);

    /// <inheritdoc/>
    public override bool CanRead => !_disposed && _mux.CanRead;

    /// <inheritdoc/>
    public override bool CanWrite => !_disposed && _mux.CanWrite;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException("A network stream has no length.");

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException("A network stream cannot seek.");
        set => throw new NotSupportedException("A network stream cannot seek.");
    }

    internal int ListIndex { get; set; } = -1;

    internal bool IsWriteFinished => _mux.IsWriteFinished;

    /// <summary>
    /// Ends the sending direction: the peer reads end of stream after everything written so far. Further writes throw.
    /// </summary>
    public void CompleteWrites()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        FinishWrites();
    }

    /// <summary>
    /// Gives one direction up, or both, with a code that the peer is told. Reads or writes that wait fail, as do later ones. The
    /// kcptun profile has no codes and no single directions: the whole stream is given up.
    /// </summary>
    /// <param name="directions">What is given up.</param>
    /// <param name="errorCode">What the application protocol means by it; 0 to 2^62 - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The code is out of range.</exception>
    public void Abort(StreamAbortDirections directions, long errorCode)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(errorCode);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(errorCode, 1L << 62);
        // A direction ends once: the first code is the one that the peer is told, whatever else is given up before the shard's turn.
        if (directions.HasFlag(StreamAbortDirections.Read))
        {
            Interlocked.CompareExchange(ref _readAbortCode, errorCode, -1);
        }

        if (directions.HasFlag(StreamAbortDirections.Write))
        {
            Interlocked.CompareExchange(ref _writeAbortCode, errorCode, -1);
        }

        Interlocked.Or(ref _abortDirections, (int)directions);
        Connection.Shard.Post(_work);
    }

    /// <summary>
    /// Gives the stream up in both directions: what was not sent yet is dropped, and the peer's reader sees a reset. Its writer sees
    /// <see cref="TransportError.StreamClosedByPeer"/> with QUIC, which gives each direction up by itself, and else the reset too. A
    /// peer that is kcptun itself knows no reset, and sees end of stream. With QUIC the code is the profile's default.
    /// </summary>
    public void Abort()
    {
        _abort = true;
        Dispose();
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("A network stream cannot seek.");

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException("A network stream has no length.");

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        // The close is posted like a write, and what was written before it goes first: there is nothing to wait for
        // here.
        return base.DisposeAsync();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            CloseSignalsOnDispose();
            DiscardReceived();
            Connection.Shard.Post(_work);
        }

        base.Dispose(disposing);
    }

    /// <summary>The frame that opens the stream waits for something to go with it: any work of the stream.</summary>
    internal void HoldOpening() => _openingHeld = true;

    internal void OnMuxEvent(StreamEventKind kind)
    {
        switch (kind)
        {
            case StreamEventKind.Readable:
                Publish();
                break;
            case StreamEventKind.ReadsFinished:
                Publish();
                EndReads(null);
                break;
            case StreamEventKind.Reset:
                Publish();
                EndReads(new TransportException(TransportError.StreamReset, "The peer gave the stream up."));
                FailWrites(new TransportException(TransportError.StreamReset, "The peer gave the stream up."));
                break;
            case StreamEventKind.ReadsAborted:
                Publish();
                EndReads(new TransportException(
                    TransportError.StreamReset,
                    $"The peer gave its direction of the stream up{TransportException.CodeText(_mux.ReadErrorCode, isApplicationError: true)}.")
                {
                    IsByPeer = true,
                    ErrorCode = _mux.ReadErrorCode,
                    IsApplicationError = true,
                });
                break;
            case StreamEventKind.WritesStopped:
                FailWrites(NewWritesStopped());
                break;
        }

        ForgetIfFinished();
    }

    internal void OnConnectionClosing() => FinishWritesOnShard();

    internal void OnConnectionClosed()
    {
        ListIndex = -1;
        TransportException reason = Connection.NewClosedException();
        Publish(all: true);
        EndReads(reason);
        FailWrites(reason);
    }

    /// <summary>
    /// What others see of the stream but applications should not: its place in the shard's inbox, the mux's view of the
    /// pending write, and what the pending read and write are awaited by.
    /// </summary>
    private sealed partial class StreamWork(CausewayStream stream) : ShardItem, IStreamSource, IResumption
    {
        internal override CausewayConnection Connection => stream.Connection;

        internal override void Run(Timestamp now) => stream.RunOnShard();

        ReadOnlySpan<byte> IStreamSource.Peek() => stream.PeekWrite();

        void IStreamSource.Advance(int count) => stream.AdvanceWrite(count);

        void IResumption.Resume() => stream.Resume();
    }

    /// <summary>Asks for <see cref="Resume"/> at the end of the turn.</summary>
    private void ResumeAfterTurn()
    {
        if (!_resumes)
        {
            _resumes = true;
            Connection.Shard.ResumeAfterTurn(_work);
        }
    }

    /// <summary>Lets the reader and the writer go on, on the shard's thread.</summary>
    private void Resume()
    {
        // Everything is read before application code runs, which may begin the next operation.
        bool reader = _resumesReader;
        bool writer = _resumesWriter;
        _resumes = false;
        _resumesReader = false;
        _resumesWriter = false;
        if (reader)
        {
            _readable.RunContinuationsAsynchronously = false;
            _readable.SetResult(true);
        }

        if (writer)
        {
            _written.RunContinuationsAsynchronously = false;
            _written.SetResult(true);
        }
    }

    private void RunOnShard()
    {
        if (Connection.IsClosed)
        {
            OnConnectionClosed();
            return;
        }

        _openingHeld = false;
        ReportConsumed();
        if (_moreInMux)
        {
            Publish();
        }

        AbortOnShard();
        if (_disposed)
        {
            CloseOnShard();
        }
        else
        {
            StartWriteOnShard();
        }

        Connection.Shard.MarkDirty(Connection);
        ForgetIfFinished();
    }

    private void AbortOnShard()
    {
        StreamAbortDirections directions = (StreamAbortDirections)Interlocked.Exchange(ref _abortDirections, 0);
        if (directions == StreamAbortDirections.None)
        {
            return;
        }

        bool reads = directions.HasFlag(StreamAbortDirections.Read);
        bool writes = directions.HasFlag(StreamAbortDirections.Write);
        if (writes)
        {
            _mux.Abort(reads: false, writes: true, Volatile.Read(ref _writeAbortCode));
        }

        if (reads)
        {
            _mux.Abort(reads: true, writes: false, Volatile.Read(ref _readAbortCode));
        }

        if (reads || _mux.IsReadFinished)
        {
            EndReads(new TransportException(TransportError.StreamReset, "Reading was given up on this side."));
        }

        if (writes || _mux.IsWriteFinished)
        {
            FailWrites(new TransportException(TransportError.StreamReset, "Writing was given up on this side."));
        }
    }

    private void CloseOnShard()
    {
        CloseWritesIfFinished();
        if (IsWritePending)
        {
            // Later writes find the stream disposed, so only a write that waits has to be told.
            FailWrites(new ObjectDisposedException(nameof(CausewayStream)));
        }

        if (_abort)
        {
            _mux.Abort();
        }
        else
        {
            _mux.Close();
        }

        Connection.RemoveStream(this);
    }

    private void ForgetIfFinished()
    {
        if (_mux.IsClosed)
        {
            Connection.RemoveStream(this);
        }
    }
}
