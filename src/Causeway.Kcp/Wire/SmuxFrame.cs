using System.Buffers.Binary;

namespace Causeway.Kcp.Wire;

/// <summary>What a smux frame means (docs/wire/kcptun.md 7.1).</summary>
public enum SmuxCommand : byte
{
    /// <summary>Opens a stream.</summary>
    Syn = 0,

    /// <summary>Ends a stream.</summary>
    Fin = 1,

    /// <summary>Carries a stream's data.</summary>
    Psh = 2,

    /// <summary>Keep-alive.</summary>
    Nop = 3,

    /// <summary>Window update, version 2 only.</summary>
    Upd = 4,
}

/// <summary>Why a smux frame header is not acceptable.</summary>
public enum SmuxFrameError
{
    /// <summary>It is acceptable.</summary>
    None,

    /// <summary>The version is not the one that the session speaks.</summary>
    WrongVersion,

    /// <summary>The command is unknown, or UPD in a session of version 1.</summary>
    UnknownCommand,

    /// <summary>A SYN, FIN or NOP with a payload, or an UPD whose payload is not 8 bytes.</summary>
    WrongLength,
}

/// <summary>
/// The header of a smux frame, 8 bytes, little endian (docs/wire/kcptun.md 7.1):
/// <c>version u8 | command u8 | payload length u16 | stream id u32</c>.
/// </summary>
/// <param name="Version">1 or 2, the same in every frame of a session.</param>
/// <param name="Command">What the frame means.</param>
/// <param name="Length">Payload bytes that follow.</param>
/// <param name="StreamId">The stream.</param>
public readonly record struct SmuxFrame(byte Version, SmuxCommand Command, ushort Length, uint StreamId)
{
    /// <summary>Bytes of a header.</summary>
    public const int HeaderSize = 8;

    /// <summary>The largest payload that the length field can say.</summary>
    public const int MaxPayload = ushort.MaxValue;

    /// <summary>Reads a header, whatever it says; <see cref="Check"/> judges it.</summary>
    /// <param name="header">At least <see cref="HeaderSize"/> bytes.</param>
    public static SmuxFrame Read(ReadOnlySpan<byte> header)
    {
        ulong bits = BinaryPrimitives.ReadUInt64LittleEndian(header);
        return new SmuxFrame((byte)bits, (SmuxCommand)(byte)(bits >> 8), (ushort)(bits >> 16), (uint)(bits >> 32));
    }

    /// <summary>Writes the header.</summary>
    /// <param name="header">At least <see cref="HeaderSize"/> bytes.</param>
    public void Write(Span<byte> header) => BinaryPrimitives.WriteUInt64LittleEndian(
        header, Version | ((ulong)Command << 8) | ((ulong)Length << 16) | ((ulong)StreamId << 32));

    /// <summary>
    /// Whether a session of <paramref name="version"/> may go on after this header. Older peers read past a payload of
    /// SYN, FIN and NOP as if it were the next header, newer ones fail the session (docs/wire/kcptun.md 7.1): so does
    /// this one.
    /// </summary>
    public SmuxFrameError Check(int version)
    {
        if (Version != version)
        {
            return SmuxFrameError.WrongVersion;
        }

        switch (Command)
        {
            case SmuxCommand.Psh:
                return SmuxFrameError.None;
            case SmuxCommand.Syn or SmuxCommand.Fin or SmuxCommand.Nop:
                return Length == 0 ? SmuxFrameError.None : SmuxFrameError.WrongLength;
            case SmuxCommand.Upd when version >= 2:
                return Length == SmuxWindowUpdate.Size ? SmuxFrameError.None : SmuxFrameError.WrongLength;
            default:
                return SmuxFrameError.UnknownCommand;
        }
    }
}

/// <summary>The payload of an UPD frame (docs/wire/kcptun.md 7.5): 8 bytes, little endian.</summary>
/// <param name="Consumed">Bytes of the stream that the receiver's application took so far, modulo 2^32.</param>
/// <param name="Window">Bytes beyond <paramref name="Consumed"/> that the receiver is ready to hold.</param>
public readonly record struct SmuxWindowUpdate(uint Consumed, uint Window)
{
    /// <summary>Bytes of the payload.</summary>
    public const int Size = 8;

    /// <summary>Reads the payload.</summary>
    /// <param name="payload">At least <see cref="Size"/> bytes.</param>
    public static SmuxWindowUpdate Read(ReadOnlySpan<byte> payload)
    {
        ulong bits = BinaryPrimitives.ReadUInt64LittleEndian(payload);
        return new SmuxWindowUpdate((uint)bits, (uint)(bits >> 32));
    }

    /// <summary>Writes the payload.</summary>
    /// <param name="payload">At least <see cref="Size"/> bytes.</param>
    public void Write(Span<byte> payload) =>
        BinaryPrimitives.WriteUInt64LittleEndian(payload, Consumed | ((ulong)Window << 32));
}
