namespace Causeway.Protocol.Mux;

/// <summary>A session of smux, version 1 or 2.</summary>
public sealed class SmuxSession : MuxSession
{
    /// <summary>Begins a session.</summary>
    /// <param name="role">Which end this is.</param>
    /// <param name="options">Settings.</param>
    /// <param name="pool">Where compact buffers for small payloads come from.</param>
    /// <param name="now">The time: keep-alive counts from here.</param>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public SmuxSession(MuxRole role, SmuxOptions options, PacketPool pool, Timestamp now)
        : base(role)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(pool);
        options.Validate();
        NextDeadline = now;
    }

    /// <inheritdoc/>
    public override bool CanReceive => true;

    /// <inheritdoc/>
    public override bool HasPendingOutput => false;

    /// <inheritdoc/>
    public override Timestamp NextDeadline { get; }

    /// <inheritdoc/>
    public override MuxFailure? Failure => null;

    /// <inheritdoc/>
    public override int StreamCount => 0;

    /// <inheritdoc/>
    public override MuxOpenRefusal OpenRefusal => MuxOpenRefusal.SessionEnded;

    /// <inheritdoc/>
    public override HalfCloseSupport HalfClose => HalfCloseSupport.Unknown;

    /// <inheritdoc/>
    public override void Input(PacketSlice bytes, Timestamp now) => bytes.Release();

    /// <inheritdoc/>
    public override void Flush(IMuxOutput output, Timestamp now)
    {
    }

    /// <inheritdoc/>
    public override MuxStream? TryOpen(Timestamp now) => null;

    /// <inheritdoc/>
    public override bool TryReadEvent(out MuxEvent e)
    {
        e = default;
        return false;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }
}
