using System.Runtime.ExceptionServices;

namespace Causeway.Runtime;

/// <content>A turn: what was posted and what arrived goes in, what has to leave goes out, and the timer is set for the next.</content>
internal sealed partial class Shard
{
    private void RunTurns(int rounds, long microseconds)
    {
        Timestamp now = Now;
        Timestamp end = now.AddMicroseconds(microseconds);
        while (true)
        {
            Turn(now);
            if (--rounds > 0)
            {
                // A full fence: either this thread sees what was posted, or the poster sees nobody inside.
                Interlocked.Exchange(ref _running, 0);
                if (_inbox.IsEmpty || Interlocked.CompareExchange(ref _running, 1, 0) != 0)
                {
                    return;
                }

                // The only look at the clock: one for each round, which needs it anyway.
                now = Now;
            }

            if (rounds <= 0 || now >= end)
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }
        }
    }

    private void Turn(Timestamp now)
    {
        RunInbox(now);
        while (_deadlines.Next <= now)
        {
            IDrivenSession due = _deadlines.First;
            _deadlines.Remove(due);
            MarkDirty(due);
        }

        (_turn, _dirty) = (_dirty, _turn);
        if (ResumesInline)
        {
            DeliverFirst(ref now);
        }

        foreach (IDrivenSession connection in _turn)
        {
            connection.IsDirty = false;
            try
            {
                Serve(connection, now);
            }
            catch (Exception error)
            {
                OnFault(connection, error, now);
            }
        }

        _turn.Clear();
        if (!_sending)
        {
            Send(now);
        }

        Arm(now);
        Resume();
    }

    /// <summary>
    /// Resumes readers before anything is sent: what they get is not delayed by acknowledgements of it, and what they answer
    /// shares a datagram with those. They post it like all they do, so it is taken from the inbox once more.
    /// </summary>
    private void DeliverFirst(ref Timestamp now)
    {
        foreach (IDrivenSession connection in _turn)
        {
            try
            {
                connection.Deliver(now);
            }
            catch (Exception error)
            {
                OnFault(connection, error, now);
            }
        }

        if (_resumptions.Count > 0)
        {
            Resume();
            now = Now;
            RunInbox(now);

            // Whatever is marked by now is not yet in this turn.
            _turn.AddRange(_dirty);
            _dirty.Clear();
        }
    }

    private void Resume()
    {
        while (_resumptions.TryDequeue(out IResumption? resumption))
        {
            try
            {
                resumption.Resume();
            }
            catch (Exception error)
            {
                // An application's bare callback: it fails as it would on the thread pool, and not the shard with it.
                ThreadPool.UnsafeQueueUserWorkItem(
                    static info => info.Throw(), ExceptionDispatchInfo.Capture(error), preferLocal: false);
            }
        }
    }

    private void Serve(IDrivenSession connection, Timestamp now)
    {
        connection.Deliver(now);
        if (!_sending)
        {
            Flush(connection, now);
            return;
        }

        // The socket is full: what this connection has to send waits for the completion, not for a timer. A graceful close
        // does not wait longer than it was told to.
        MarkDirty(connection);
        connection.AfterTurn(now);
        if (!connection.IsClosed)
        {
            _deadlines.Set(connection, connection.CloseDeadline);
        }
    }

    /// <summary>
    /// Code that an application brought (a cipher, a codec, a congestion controller) threw. Whoever happens to run the turn
    /// is not to blame: the connection fails, or all of them if none can be named.
    /// </summary>
    private void OnFault(IDrivenSession? connection, Exception error, Timestamp now)
    {
        if (connection is not null)
        {
            connection.Abandon(TransportException.OfLayer(error), now);
        }
        else
        {
            FailLink(error, now);
        }
    }

    private void RunInbox(Timestamp now)
    {
        ShardItem? first = _inbox.TakeAll();
        while (first is not null)
        {
            ShardItem current = first;
            first = current.Next;
            current.Next = null;
            current.Dequeued();
            try
            {
                current.Run(now);
            }
            catch (Exception error)
            {
                OnFault(current.Connection, error, now);
            }
        }
    }

    private void Flush(IDrivenSession connection, Timestamp now)
    {
        bool more = connection.Flush(_outgoing, now);
        while (more || _outgoing.IsFull)
        {
            Send(now);
            if (_sending)
            {
                MarkDirty(connection);
                return;
            }

            more = more && connection.Flush(_outgoing, now);
        }

        connection.AfterTurn(now);
        if (!connection.IsClosed)
        {
            _deadlines.Set(connection, connection.NextDeadline);
        }
    }

    private void Send(Timestamp now)
    {
        _links.Sweep();
        if (_outgoing.Count == 0)
        {
            return;
        }

        if (_stopped)
        {
            _outgoing.ReleaseAll();
            return;
        }

        ValueTask sending;
        try
        {
            sending = _links.SendAsync(_outgoing.Memory);
        }
        catch (Exception error)
        {
            sending = ValueTask.FromException(error);
        }

        if (sending.IsCompleted)
        {
            CompleteSend(sending, now);
            return;
        }

        _sending = true;
        _pendingSend = sending;
        _pendingSend.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_onSendCompleted);
    }

    private void CompleteSend(ValueTask sending, Timestamp now)
    {
        _outgoing.ReleaseAll();
        try
        {
            sending.GetAwaiter().GetResult();
        }
        catch (Exception error)
        {
            // What a network refuses is no exception (IDatagramLink): whatever comes here ends the link.
            FailLink(error, now);
        }
    }

    private void Arm(Timestamp now)
    {
        Timestamp next = _deadlines.Next;
        if (next >= _armedFor || _stopped)
        {
            return;
        }

        _armedFor = next;
        _timer.Arm(next.MicrosecondsSince(now));
    }
}
