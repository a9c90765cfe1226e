using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>Writes the presentation language of TLS (RFC 8446, 3) into memory that grows.</summary>
internal sealed class TlsWriter
{
    private byte[] _buffer;

    public TlsWriter(int capacity = 512) => _buffer = new byte[capacity];

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>What was written; valid until more is written.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    public void WriteByte(byte value) => Grow(1)[0] = value;

    public void WriteUInt16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Grow(sizeof(ushort)), value);

    public void WriteUInt32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Grow(sizeof(uint)), value);

    public void WriteUInt64(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Grow(sizeof(ulong)), value);

    public void WriteBytes(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Grow(bytes.Length));

    /// <summary>Writes a whole vector whose length takes <paramref name="lengthSize"/> bytes.</summary>
    public void WriteVector(int lengthSize, ReadOnlySpan<byte> content)
    {
        int mark = BeginVector(lengthSize);
        WriteBytes(content);
        EndVector(mark, lengthSize);
    }

    /// <summary>Leaves room for a length of 1 to 3 bytes.</summary>
    /// <returns>The mark to hand to <see cref="EndVector"/>.</returns>
    public int BeginVector(int lengthSize)
    {
        Grow(lengthSize).Clear();
        return Length;
    }

    /// <summary>Fills in the length of everything that was written since the mark.</summary>
    public void EndVector(int mark, int lengthSize)
    {
        int length = Length - mark;
        Debug.Assert(length >> (8 * lengthSize) == 0, "options are bounded so that every vector fits its length");
        for (int index = 1; index <= lengthSize; index++)
        {
            _buffer[mark - index] = (byte)length;
            length >>= 8;
        }
    }

    /// <summary>Begins an extension: its type and room for its length.</summary>
    public int BeginExtension(ExtensionType type)
    {
        WriteUInt16((ushort)type);
        return BeginVector(2);
    }

    /// <summary>Begins a handshake message: its type and room for its length (RFC 8446, 4).</summary>
    public int BeginMessage(HandshakeType type)
    {
        WriteByte((byte)type);
        return BeginVector(3);
    }

    /// <summary>
    /// Overwrites bytes that were written, such as binders that are computed over what stands before them.
    /// </summary>
    public void Overwrite(int position, ReadOnlySpan<byte> bytes) => bytes.CopyTo(_buffer.AsSpan(position, bytes.Length));

    public byte[] ToArray() => Written.ToArray();

    /// <summary>Forgets what was written, for content that is secret.</summary>
    public void Zero()
    {
        CryptographicOperations.ZeroMemory(_buffer);
        Length = 0;
    }

    private Span<byte> Grow(int count)
    {
        if (_buffer.Length - Length < count)
        {
            byte[] larger = new byte[Math.Max(_buffer.Length * 2, Length + count)];
            Written.CopyTo(larger);
            CryptographicOperations.ZeroMemory(_buffer);
            _buffer = larger;
        }

        Span<byte> room = _buffer.AsSpan(Length, count);
        Length += count;
        return room;
    }
}
