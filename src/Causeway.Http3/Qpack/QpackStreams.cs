namespace Causeway.Http3.Qpack;

/// <summary>
/// What a peer may send on its encoder and decoder streams (RFC 9204, 4.3 and 4.4) while neither side has a dynamic table.
/// Almost nothing; the checks keep the state between two reads.
/// </summary>
internal sealed class QpackStreams
{
    private int _cancellationBytes;

    /// <summary>
    /// Takes bytes of the peer's encoder stream. Only Set Dynamic Table Capacity to 0 is within the capacity that we allow.
    /// </summary>
    /// <returns>False: QPACK_ENCODER_STREAM_ERROR.</returns>
    public static bool AcceptEncoderInstructions(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept((byte)0b0010_0000);

    /// <summary>
    /// Takes bytes of the peer's decoder stream. Stream Cancellation is allowed at any time; Section Acknowledgment and Insert
    /// Count Increment refer to inserts, which we do not send.
    /// </summary>
    /// <returns>False: QPACK_DECODER_STREAM_ERROR.</returns>
    public bool AcceptDecoderInstructions(ReadOnlySpan<byte> bytes)
    {
        foreach (byte next in bytes)
        {
            if (_cancellationBytes > 0)
            {
                // Within the stream ID of a cancellation. Its value does not matter, its length is limited.
                _cancellationBytes = next < 0x80 ? 0 : _cancellationBytes + 1;
                if (_cancellationBytes > PrefixedInteger.MaxLength)
                {
                    return false;
                }
            }
            else if ((next & 0b1100_0000) != 0b0100_0000)
            {
                return false;
            }
            else if ((next & 0b0011_1111) == 0b0011_1111)
            {
                _cancellationBytes = 1;
            }
        }

        return true;
    }
}
