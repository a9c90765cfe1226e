using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// A packet under way. Its first block is done when it starts, for that needs no cipher call. Its partial last
/// block, if any, is a whole block in <see cref="Scratch"/> and is copied home when it is done.
/// </summary>
internal unsafe struct CfbLane
{
    private const int BlockSize = 16;

    private byte* _tail;
    private int _tailLength;

    /// <summary>The next block.</summary>
    public byte* Position;

    /// <summary>Whole blocks from there on that can run without looking; at least 1 in an active lane.</summary>
    public int Blocks;

    /// <summary>The block of ciphertext before.</summary>
    public Vector128<byte> Feedback;

    /// <summary>16 bytes of this lane's own. They move with it when lanes change places.</summary>
    public byte* Scratch;

    /// <returns>Whether there is more to do than this does itself.</returns>
    public bool TryStart(byte* packet, int length, Vector128<byte> firstKeystream)
    {
        if (length < BlockSize)
        {
            for (int i = 0; i < length; i++)
            {
                packet[i] ^= firstKeystream.GetElement(i);
            }

            return false;
        }

        Feedback = firstKeystream ^ Vector128.Load(packet);
        Feedback.Store(packet);
        Position = packet + BlockSize;
        Blocks = (length / BlockSize) - 1;
        _tailLength = length % BlockSize;
        _tail = packet + (length - _tailLength);
        return Blocks > 0 || TryStartTail();
    }

    /// <summary>Accounts for <paramref name="steps"/> blocks done.</summary>
    /// <returns>Whether there is more to do.</returns>
    public bool TryContinue(int steps)
    {
        Blocks -= steps;
        Position += steps * BlockSize;
        if (Blocks > 0)
        {
            return true;
        }

        if (Position == Scratch + BlockSize)
        {
            Unsafe.CopyBlockUnaligned(_tail, Scratch, (uint)_tailLength);
            return false;
        }

        return TryStartTail();
    }

    private bool TryStartTail()
    {
        if (_tailLength == 0)
        {
            return false;
        }

        Unsafe.CopyBlockUnaligned(Scratch, _tail, (uint)_tailLength);
        Position = Scratch;
        Blocks = 1;
        return true;
    }
}
