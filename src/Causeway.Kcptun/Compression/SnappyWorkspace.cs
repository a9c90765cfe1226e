using System.Diagnostics.CodeAnalysis;

namespace Causeway.Kcptun.Compression;

/// <summary>
/// What compressing and decompressing need only while a call lasts. It belongs to the thread, not to the session, so
/// that ten thousand sessions do not own ten thousand tables, and stays in the thread's cache.
/// </summary>
internal sealed class SnappyWorkspace
{
    [ThreadStatic]
    private static SnappyWorkspace? s_current;

    /// <summary>The calling thread's own.</summary>
    public static SnappyWorkspace Current => s_current ??= new SnappyWorkspace();

    /// <summary>Compresses blocks.</summary>
    public SnappyBlockEncoder Encoder { get; } = new();

    /// <summary>Room for one compressed block, and for one body gathered from the slices it arrived in.</summary>
    public byte[] Encoded { get; } =
        GC.AllocateUninitializedArray<byte>(SnappyBlockEncoder.MaxEncodedLength(SnappyBlockEncoder.MaxBlock));

    private byte[] _frame = [];

    /// <summary>Room for a frame's chunks, until the next frame of any session on this thread.</summary>
    public byte[] Frame(int length)
    {
        if (_frame.Length < length)
        {
            // Whole pages; frames have the same limit in most sessions, so this happens once or twice.
            _frame = GC.AllocateUninitializedArray<byte>((length + 4095) & ~4095);
        }

        return _frame;
    }

    /// <summary>Room for one decompressed block.</summary>
    [field: MaybeNull]
    public byte[] Decoded =>
        field ??= GC.AllocateUninitializedArray<byte>(SnappyBlockEncoder.MaxBlock + SnappyBlockDecoder.Slack);
}
