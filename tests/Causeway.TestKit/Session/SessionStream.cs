using System.Globalization;
using Causeway.Kcp.Smux;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.TestKit;

/// <summary>
/// One end of a stream with an application on top that writes a seeded pattern and checks the one it reads, byte by byte, as
/// it arrives.
/// </summary>
public sealed class SessionStream : IStreamSource
{
    private const int MaxPiece = 16 * 1024;

    private readonly SeededPattern _outgoing;
    private readonly SeededPattern _incoming;
    private readonly SeededRandom _random;
    private readonly StreamCipher? _cipher;
    private readonly byte[] _piece = new byte[MaxPiece];
    private readonly byte[] _plain = new byte[PacketPool.DefaultBufferSize];
    private int _start;
    private int _end;
    private long _prepared;

    internal SessionStream(TransportStream mux, ulong outgoing, ulong incoming, StreamCipher? cipher)
    {
        Mux = mux;
        _outgoing = new SeededPattern(outgoing);
        _incoming = new SeededPattern(incoming);
        _random = new SeededRandom(outgoing);
        _cipher = cipher;
        mux.Source = this;
        mux.Tag = this;
    }

    /// <summary>The stream.</summary>
    public TransportStream Mux { get; }

    /// <summary>Bytes to write in all. See <see cref="Write"/>.</summary>
    public long ToWrite { get; private set; }

    /// <summary>Bytes that the session took.</summary>
    public long Written { get; private set; }

    /// <summary>Bytes read and found right so far.</summary>
    public long Read { get; private set; }

    /// <summary>Whether the application reads what has arrived. Default true. Wake the host after setting it.</summary>
    public bool IsReading { get; set; } = true;

    /// <summary>Whether the session told that the peer ended its direction.</summary>
    public bool ReadsFinished { get; private set; }

    /// <summary>Whether the session told that the peer takes no more.</summary>
    public bool WritesStopped { get; private set; }

    /// <summary>Whether the session told that the stream was given up.</summary>
    public bool WasReset { get; private set; }

    /// <summary>The first byte that the application saw out of place, in words. Null if all is well.</summary>
    public string? Violation { get; private set; }

    internal bool IsReadable { get; private set; }

    /// <summary>Has so many more bytes to write. Wake the host afterwards.</summary>
    public void Write(long bytes)
    {
        ToWrite += bytes;
        Mux.NotifyWritable();
    }

    /// <summary>
    /// Reads and checks the next piece, for a test that reads at its own pace. Wake the host afterwards.
    /// </summary>
    /// <returns>False if there was none.</returns>
    public bool ReadOne()
    {
        if (!IsReadable || !Mux.TryRead(out PacketSlice slice))
        {
            IsReadable = false;
            return false;
        }

        Check(slice.Span);
        int length = slice.Length;
        slice.Release();
        Mux.Consumed(length);
        return true;
    }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Peek()
    {
        if (_start == _end)
        {
            // Pieces of any size: frames end where the application's writes do.
            int count = (int)Math.Min(ToWrite - _prepared, 1 + _random.Next(MaxPiece));
            Span<byte> bytes = _piece.AsSpan(0, count);
            _outgoing.Fill(_prepared, bytes);
            _cipher?.Encrypt(bytes, bytes);
            _prepared += count;
            _start = 0;
            _end = count;
        }

        return _piece.AsSpan(_start, _end - _start);
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        _start += count;
        Written += count;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Mux.Id}: wrote {Written} of {ToWrite}, read {Read}{(IsReading ? "" : " (paused)")}"
        + $"{(ReadsFinished ? ", ended by peer" : "")}{(WritesStopped ? ", stopped" : "")}{(WasReset ? ", reset" : "")}");

    internal void OnEvent(StreamEventKind kind)
    {
        switch (kind)
        {
            case StreamEventKind.Readable:
                IsReadable = true;
                if (ReadsFinished || WasReset)
                {
                    Violation ??= $"Stream {Mux.Id} became readable after its end";
                }

                break;
            case StreamEventKind.ReadsFinished:
                Note(ReadsFinished, kind);
                ReadsFinished = true;
                break;
            case StreamEventKind.WritesStopped:
                Note(WritesStopped, kind);
                WritesStopped = true;
                break;
            case StreamEventKind.Reset or StreamEventKind.ReadsAborted:
                Note(WasReset, kind);
                WasReset = true;
                break;
        }
    }

    /// <summary>
    /// Reads what there is, if the application reads. Relies on the session's events, so that a missing one shows.
    /// </summary>
    internal bool ReadAndCheck()
    {
        bool any = false;
        while (IsReading && ReadOne())
        {
            any = true;
        }

        return any;
    }

    private void Note(bool before, StreamEventKind kind)
    {
        if (before)
        {
            Violation ??= $"Stream {Mux.Id} raised {kind} twice";
        }
    }

    private void Check(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            Span<byte> plain = _plain.AsSpan(0, Math.Min(bytes.Length, _plain.Length));
            bytes[..plain.Length].CopyTo(plain);
            bytes = bytes[plain.Length..];
            _cipher?.Decrypt(plain, plain);
            int wrong = _incoming.FirstDifference(Read, plain);
            if (wrong >= 0)
            {
                Violation ??= $"The byte at {Read + wrong} of stream {Mux.Id} is not the one that was written there";
            }

            Read += plain.Length;
        }
    }
}
