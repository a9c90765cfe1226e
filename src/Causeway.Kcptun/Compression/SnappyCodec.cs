using Causeway.Kcp;
using Causeway.Protocol;

namespace Causeway.Kcptun.Compression;

/// <summary>
/// kcptun's compression: snappy's framing format over the mux's byte stream, one chunk for each frame
/// (docs/wire/kcptun.md 8). On unless <c>nocomp</c> is set, which must be the same on both sides.
/// </summary>
/// <remarks>
/// A chunk leaves in one write, where the reference writes a stored chunk's header and body apart and so spends two
/// segments on each small frame. Allocates nothing in steady state.
/// </remarks>
public sealed class SnappyCodec : PipeCodec
{
    private readonly SnappyFrameEncoder _encoder = new();
    private readonly SnappyFrameDecoder _decoder;

    /// <summary>Makes the codec of one session.</summary>
    /// <param name="pool">Where buffers for decompressed bytes come from.</param>
    public SnappyCodec(PacketPool pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        _decoder = new SnappyFrameDecoder(pool);
    }

    /// <inheritdoc/>
    public override string? Failure => _decoder.Failure;

    /// <summary>
    /// Bytes from below that wait for the rest of their chunk, or for the output before them to be taken.
    /// </summary>
    public int PendingBytes => _decoder.PendingBytes;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Encode(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload) =>
        _encoder.Encode(header, payload);

    /// <inheritdoc/>
    public override void Input(PacketSlice bytes) => _decoder.Input(bytes);

    /// <inheritdoc/>
    public override bool TryRead(out PacketSlice slice) => _decoder.TryRead(out slice);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _decoder.Dispose();
        }

        base.Dispose(disposing);
    }
}
