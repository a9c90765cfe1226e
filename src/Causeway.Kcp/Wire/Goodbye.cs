namespace Causeway.Kcp.Wire;

/// <summary>
/// "This conversation is over at my end, and here is why": the payload of a window report that stands alone in its datagram
/// (docs/design/goodbye.md). Other implementations skip it like any payload there (docs/wire/kcptun.md 5.6).
/// </summary>
/// <param name="Reason">Why. Any byte can arrive.</param>
/// <param name="IsAnswer">
/// It answers a datagram, from an end that has no session for it. It is not answered in turn.
/// </param>
public readonly record struct Goodbye(GoodbyeReason Reason, bool IsAnswer)
{
    /// <summary>Bytes of the whole datagram.</summary>
    public const int DatagramSize = SegmentHeader.Size + PayloadSize;

    private const int PayloadSize = PathExtension.HeaderSize + 2;
    private const byte AnswerFlag = 1;
    private const int CommandOffset = 4;

    // What kcptun assumes of a peer before it hears better (docs/wire/kcptun.md 5.4): a window of 0 would stop it.
    private const ushort Window = 32;

    /// <summary>Reads a datagram, with all that links add removed. False if it is anything else.</summary>
    /// <param name="datagram">The datagram.</param>
    /// <param name="conversation">The conversation that is over.</param>
    /// <param name="goodbye">What it says.</param>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out uint conversation, out Goodbye goodbye)
    {
        conversation = 0;
        goodbye = default;
        if (datagram.Length < DatagramSize || datagram[CommandOffset] != (byte)SegmentCommand.WindowReport)
        {
            return false;
        }

        SegmentHeader header = SegmentHeader.Read(datagram);
        ReadOnlySpan<byte> payload = datagram[SegmentHeader.Size..];
        if (header.Length < PayloadSize || header.Length != payload.Length
            || PathExtension.ReadKind(payload) != PathExtensionKind.Goodbye)
        {
            return false;
        }

        conversation = header.Conversation;
        goodbye = new Goodbye(
            (GoodbyeReason)payload[PathExtension.HeaderSize], (payload[PathExtension.HeaderSize + 1] & AnswerFlag) != 0);
        return true;
    }

    /// <summary>Writes the whole datagram of <see cref="DatagramSize"/> bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter.</exception>
    public void Write(Span<byte> destination, uint conversation)
    {
        destination = destination[..DatagramSize];
        new SegmentHeader
        {
            Conversation = conversation,
            Command = SegmentCommand.WindowReport,
            Window = Window,
            Time = 0,

            // A server of kcptun takes 0 in another conversation for the beginning of that one
            // (docs/wire/kcptun.md 5.12).
            Sequence = uint.MaxValue,
            Unacknowledged = 0,
            Length = PayloadSize,
        }.Write(destination);
        Span<byte> payload = destination[SegmentHeader.Size..];
        PathExtension.WriteHeader(payload, PathExtensionKind.Goodbye);
        payload[PathExtension.HeaderSize] = (byte)Reason;
        payload[PathExtension.HeaderSize + 1] = IsAnswer ? AnswerFlag : (byte)0;
    }
}
