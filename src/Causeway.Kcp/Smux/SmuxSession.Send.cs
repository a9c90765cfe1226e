using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Smux;

/// <summary>Sending: control frames first, then data by deficit round robin.</summary>
public sealed partial class SmuxSession
{
    // Bounds the rotations that a stream of low weight needs to repay a frame when frames are tiny.
    private const int LeastQuantum = 64;

    private readonly byte[] _frame = new byte[SmuxFrame.HeaderSize + SmuxWindowUpdate.Size];
    private readonly Queue<uint> _refused = [];
    private bool _keepAlivePending;
    private bool _helloPending;
    private bool _helloSent;
    private bool _inTurn;

    /// <summary>Whether a flush would write something.</summary>
    public bool HasPendingOutput => !IsOver
        && (_sending.First is not null || _control.First is not null
            || _helloPending || _keepAlivePending || _refused.Count > 0);

    /// <summary>
    /// Writes frames while <paramref name="output"/> has room: control frames first, then the streams' data in turns.
    /// Sends the keep-alive and checks the timeout when they are due.
    /// </summary>
    public void Flush(ISmuxOutput output, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (IsOver)
        {
            return;
        }

        CheckTimers(now);
        TuneSharedWindow(now);
        ReclaimIdleWindows(now);
        while (HasPendingOutput && output.Capacity > 0)
        {
            if (!WriteControl(output, now))
            {
                WriteData(output);
            }
        }
    }

    /// <inheritdoc/>
    public override void SendKeepAlive() => _keepAlivePending = true;

    internal void OnWritable(SmuxStream stream)
    {
        if (!stream.IsWriteFinished && !stream.IsBlocked)
        {
            _sending.Append(stream);
        }
    }

    private void RequestControl(SmuxStream stream, ControlFrames frames)
    {
        stream.Control |= frames;
        if (stream.Control is not ControlFrames.None)
        {
            _control.Append(stream);
        }
    }

    private void CancelControl(SmuxStream stream, ControlFrames frames)
    {
        stream.Control &= ~frames;
        if (stream.Control is ControlFrames.None)
        {
            _control.Remove(stream);
        }
    }

    private void StopSending(SmuxStream stream)
    {
        if (ReferenceEquals(_sending.First, stream))
        {
            _inTurn = false;
        }

        // An unused share is lost, a debt stays: else a stream that runs dry after every frame would get more.
        stream.Deficit = Math.Min(stream.Deficit, 0);
        _sending.Remove(stream);
    }

    private bool WriteControl(ISmuxOutput output, Timestamp now)
    {
        if (_helloPending)
        {
            _helloPending = false;
            _helloSent = true;
            WriteFrame(output, SmuxCommand.Nop, HelloId);
            return true;
        }

        if (_keepAlivePending)
        {
            _keepAlivePending = false;
            WriteFrame(output, SmuxCommand.Nop, 0);
            return true;
        }

        if (_refused.TryDequeue(out uint refused))
        {
            WriteFrame(output, _halfClose is HalfCloseSupport.Supported ? SmuxCommand.Nop : SmuxCommand.Fin, refused);
            return true;
        }

        if (_control.First is not { } stream)
        {
            return false;
        }

        ControlFrames next = stream.Control & (ControlFrames)(-(int)stream.Control);
        CancelControl(stream, next);
        switch (next)
        {
            case ControlFrames.Syn:
                WriteFrame(output, SmuxCommand.Syn, stream.StreamId);
                _helloPending = Role == EndpointRole.Client && _halfClose is HalfCloseSupport.Unknown && !_helloSent;
                break;
            case ControlFrames.Update:
                WriteUpdate(output, stream, now);
                break;
            case ControlFrames.Abandon when _halfClose is HalfCloseSupport.Unsupported:
                break;
            case ControlFrames.Abandon:
                WriteFrame(output, SmuxCommand.Nop, stream.StreamId);
                break;
            default:
                stream.SendOver = true;
                WriteFrame(output, SmuxCommand.Fin, stream.StreamId);
                break;
        }

        ForgetIfOver(stream);
        return true;
    }

    private void WriteUpdate(ISmuxOutput output, SmuxStream stream, Timestamp now)
    {
        // Else only the window that the stream was opened or left with is told.
        bool reports = !stream.IsLessened;
        uint window = NextWindow(stream, now);
        stream.Reported = stream.Taken;
        stream.HasReported = reports;
        NoteSent(new SmuxFrame((byte)_options.Version, SmuxCommand.Upd, SmuxWindowUpdate.Size, stream.StreamId), 0);
        Span<byte> payload = _frame.AsSpan(SmuxFrame.HeaderSize);
        new SmuxWindowUpdate(unchecked((uint)stream.Taken), window).Write(payload);
        output.Write(_frame.AsSpan(0, SmuxFrame.HeaderSize), payload);
    }

    /// <summary>
    /// Writes one frame of the stream whose turn it is (Shreedhar and Varghese, "Efficient Fair Queuing using Deficit
    /// Round Robin", SIGCOMM 1995, in the variant that lets a stream overdraw by a frame and repay). A turn is one
    /// full frame for a stream of the default weight, as it is in kcptun; short frames share a turn, so that bytes are
    /// what is fair.
    /// </summary>
    private void WriteData(ISmuxOutput output)
    {
        while (_sending.First is { } stream)
        {
            if (!_inTurn)
            {
                _inTurn = true;
                int full = _options.MaxFrameSize + SmuxFrame.HeaderSize;
                stream.Deficit += Math.Max(LeastQuantum, (int)((long)full * stream.Weight / TransportStream.DefaultWeight));
            }

            if (stream.Deficit <= 0)
            {
                _inTurn = false;
                _sending.Rotate();
            }
            else if (TryWriteFrame(output, stream))
            {
                return;
            }
        }
    }

    /// <summary>Writes a frame, or takes the stream off the list because it has nothing to send or no window.</summary>
    private bool TryWriteFrame(ISmuxOutput output, SmuxStream stream)
    {
        IStreamSource? source = stream.SendStopped ? null : stream.Source;
        ReadOnlySpan<byte> bytes = source is null ? default : source.Peek();
        if (source is not null && stream.IsWriteFinished)
        {
            // The source gave the stream up when it was asked.
            return false;
        }

        if (bytes.IsEmpty)
        {
            StopSending(stream);
            if (!stream.FinishRequested)
            {
                return false;
            }

            stream.SendOver = true;
            WriteFrame(output, SmuxCommand.Fin, stream.StreamId);
            EndClose(stream);
            return true;
        }

        int allowance = _options.Version == 1 ? int.MaxValue : stream.SendAllowance;
        if (allowance == 0)
        {
            stream.IsBlocked = true;
            StopSending(stream);
            return false;
        }

        int count = Math.Min(bytes.Length, Math.Min(_options.MaxFrameSize, allowance));
        stream.Written += count;
        stream.Deficit -= count + SmuxFrame.HeaderSize;
        NoteSent(new SmuxFrame((byte)_options.Version, SmuxCommand.Psh, (ushort)count, stream.StreamId), count);
        output.Write(_frame.AsSpan(0, SmuxFrame.HeaderSize), bytes[..count]);
        source!.Advance(count);
        return true;
    }

    private void WriteFrame(ISmuxOutput output, SmuxCommand command, uint streamId)
    {
        NoteSent(new SmuxFrame((byte)_options.Version, command, 0, streamId), 0);
        output.Write(_frame.AsSpan(0, SmuxFrame.HeaderSize), default);
    }

    /// <summary>Puts the header into the scratch buffer and counts the frame.</summary>
    private void NoteSent(SmuxFrame header, int dataBytes)
    {
        header.Write(_frame);
        Statistics.FramesSent++;
        Statistics.BytesSent += dataBytes;

        // A server that has begun to speak without the hello can no longer answer one as its first frame.
        if (Role == EndpointRole.Server && _halfClose is HalfCloseSupport.Unknown && !IsKeepAlive(header))
        {
            DecideHalfClose(HalfCloseSupport.Unsupported);
        }
    }
}
