using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Causeway.Protocol;

namespace Causeway.Kcptun.Qpp;

/// <summary>
/// QPP over one stream (docs/wire/kcptun.md 9.4): each byte is mixed with a keystream byte and sent through one of the
/// pads, chosen anew for every eight bytes. Depends on a byte's position alone, not on how the stream is cut into
/// calls.
/// </summary>
public sealed class QppStreamCipher : StreamCipher
{
    private readonly QppPad _pad;
    private readonly Direction _encryption;
    private readonly Direction _decryption;

    /// <summary>Makes the cipher of one stream, at position 0 in both directions.</summary>
    /// <param name="pad">The pads that both sides share.</param>
    public QppStreamCipher(QppPad pad)
    {
        ArgumentNullException.ThrowIfNull(pad);
        _pad = pad;
        _encryption = new Direction(pad);
        _decryption = new Direction(pad);
    }

    /// <inheritdoc/>
    public override void Encrypt(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        RequireRoom(source, destination);
        _encryption.Apply<Encryption>(_pad.Pads, source, destination);
    }

    /// <inheritdoc/>
    public override void Decrypt(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        RequireRoom(source, destination);
        _decryption.Apply<Decryption>(_pad.Inverses, source, destination);
    }

    private static void RequireRoom(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        if (destination.Length < source.Length)
        {
            throw new ArgumentException("The destination is shorter than the source.", nameof(destination));
        }
    }

    /// <summary>What a word goes through before and after the pad.</summary>
    private interface IOrder
    {
        static abstract ulong Before(ulong word, ulong key);

        static abstract ulong After(ulong word, ulong key);
    }

    private readonly struct Encryption : IOrder
    {
        public static ulong Before(ulong word, ulong key) => word ^ key;

        public static ulong After(ulong word, ulong key) => word;
    }

    private readonly struct Decryption : IOrder
    {
        public static ulong Before(ulong word, ulong key) => word;

        public static ulong After(ulong word, ulong key) => word ^ key;
    }

    /// <summary>
    /// The position in one direction: the generator, the current word, and how many of its bytes are used.
    /// </summary>
    private sealed class Direction
    {
        private readonly uint _count;
        private readonly uint _reciprocal;
        private Xoshiro256 _generator;
        private ulong _word;
        private int _used;

        public Direction(QppPad pad)
        {
            _count = (uint)pad.Count;
            _reciprocal = (uint.MaxValue / _count) + 1;
            _generator = pad.Generator;
            _word = _generator.Next();
        }

        public void Apply<TOrder>(ReadOnlySpan<byte> pads, ReadOnlySpan<byte> source, Span<byte> destination)
            where TOrder : struct, IOrder
        {
            if (_used > 0)
            {
                int head = Math.Min(sizeof(ulong) - _used, source.Length);
                ApplyPart<TOrder>(pads, source[..head], destination);
                source = source[head..];
                destination = destination[head..];
            }

            // Locals let the state stay in registers: stores through the destination could alias the fields.
            Xoshiro256 generator = _generator;
            ulong word = _word;
            while (source.Length >= sizeof(ulong))
            {
                ulong input = TOrder.Before(BinaryPrimitives.ReadUInt64LittleEndian(source), word);
                ulong output = Permute(ref Select(pads, word), input);
                BinaryPrimitives.WriteUInt64LittleEndian(destination, TOrder.After(output, word));
                word = generator.Next();
                source = source[sizeof(ulong)..];
                destination = destination[sizeof(ulong)..];
            }

            _generator = generator;
            _word = word;
            if (source.Length > 0)
            {
                ApplyPart<TOrder>(pads, source, destination);
            }
        }

        private void ApplyPart<TOrder>(ReadOnlySpan<byte> pads, ReadOnlySpan<byte> source, Span<byte> destination)
            where TOrder : struct, IOrder
        {
            ref byte pad = ref Select(pads, _word);
            for (int i = 0; i < source.Length; i++)
            {
                byte key = (byte)(_word >> (8 * _used++));
                byte input = (byte)TOrder.Before(source[i], key);
                destination[i] = (byte)TOrder.After(Unsafe.Add(ref pad, input), key);
            }

            if (_used == sizeof(ulong))
            {
                _word = _generator.Next();
                _used = 0;
            }
        }

        /// <summary>
        /// The pad of number <c>(word mod 65536) mod count</c>, by multiplication (Lemire, Kaser, Kurz, "Faster
        /// remainder by direct computation": exact with 32 fraction bits for operands of 16 bits).
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private ref byte Select(ReadOnlySpan<byte> pads, ulong word)
        {
            uint fraction = unchecked(_reciprocal * (ushort)word);
            uint index = (uint)(((ulong)fraction * _count) >> 32);
            return ref Unsafe.Add(ref MemoryMarshal.GetReference(pads), index * QppPad.PadLength);
        }

        /// <summary>Eight bytes through one pad; a byte cannot index beyond its 256 entries.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static ulong Permute(ref byte pad, ulong word)
        {
            uint low = (uint)word;
            uint high = (uint)(word >> 32);
            uint lowOut = Unsafe.Add(ref pad, (byte)low)
                | ((uint)Unsafe.Add(ref pad, (byte)(low >> 8)) << 8)
                | ((uint)Unsafe.Add(ref pad, (byte)(low >> 16)) << 16)
                | ((uint)Unsafe.Add(ref pad, low >> 24) << 24);
            uint highOut = Unsafe.Add(ref pad, (byte)high)
                | ((uint)Unsafe.Add(ref pad, (byte)(high >> 8)) << 8)
                | ((uint)Unsafe.Add(ref pad, (byte)(high >> 16)) << 16)
                | ((uint)Unsafe.Add(ref pad, high >> 24) << 24);
            return lowOut | ((ulong)highOut << 32);
        }
    }
}
