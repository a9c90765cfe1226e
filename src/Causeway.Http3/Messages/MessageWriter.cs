using System.Buffers;
using Causeway.Http3.Framing;
using Causeway.Http3.Qpack;
using Causeway.Http3.Transport;

namespace Causeway.Http3.Messages;

/// <summary>Writes the frames of a message to a request stream; as a <see cref="Stream"/>, DATA frames of its content.</summary>
internal sealed class MessageWriter(Http3Stream stream) : ForwardStream
{
    // Up to here a frame is copied into one write with its header; beyond, a second write costs less than the copy.
    private const int CopyLimit = 16 * 1024;

    public override bool CanWrite => true;

    /// <summary>Bytes of content written so far.</summary>
    public long ContentWritten { get; private set; }

    /// <summary>
    /// What the stream failed with, if it did. Whoever copies content here may wrap the exception, or throw one of its own.
    /// </summary>
    public Http3Exception? Failure { get; private set; }

    /// <summary>Writes a header or trailer section.</summary>
    public async ValueTask WriteFieldSectionAsync(IEnumerable<HttpField> fields, CancellationToken cancellationToken)
    {
        ArrayBufferWriter<byte> section = new(256);
        QpackEncoder.Encode(fields, section);
        ArrayBufferWriter<byte> frame = new(section.WrittenCount + FrameWriter.MaxHeaderLength);
        FrameWriter.WriteFrame(frame, FrameType.Headers, section.WrittenSpan);
        await WriteToStreamAsync(frame.WrittenMemory, cancellationToken).ConfigureAwait(false);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return;
        }

        bool copies = buffer.Length <= CopyLimit;
        byte[] rented = ArrayPool<byte>.Shared.Rent(FrameWriter.MaxHeaderLength + (copies ? buffer.Length : 0));
        try
        {
            int length = FrameWriter.WriteHeader(rented, FrameType.Data, buffer.Length);
            if (copies)
            {
                buffer.Span.CopyTo(rented.AsSpan(length));
                length += buffer.Length;
            }

            await WriteToStreamAsync(rented.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            if (!copies)
            {
                await WriteToStreamAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        ContentWritten += buffer.Length;
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => stream.FlushAsync(cancellationToken);

    private async ValueTask WriteToStreamAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        }
        catch (Http3Exception error)
        {
            Failure = error;
            throw;
        }
    }
}
