using Causeway.Http3.Framing;
using Causeway.Http3.Qpack;
using Causeway.Http3.Transport;

namespace Causeway.Http3.Messages;

/// <summary>
/// Reads a message off a request stream (RFC 9114, 4.1): header sections, content, at most one trailer section. What breaks the
/// rules throws the <see cref="Http3Exception"/> that the stream or the connection is to be closed with.
/// </summary>
/// <remarks>
/// <code>
/// Head --HEADERS--> Head (an interim response) ... BeginContent --DATA--> Content --HEADERS--> Ended --FIN--> Ended
/// </code>
/// </remarks>
internal sealed class MessageReader(Http3Stream stream, bool isRequest, Http3Limits limits)
{
    // Frames without meaning or content in a row: padding has few, an attack has many (RFC 9114, 10.5).
    private const int MaxIdleFrames = 1000;

    private readonly FrameReader _frames = new(stream);
    private long _contentLength = -1;
    private long _received;
    private int _idleFrames;
    private bool _isEnded;

    /// <summary>The trailer section, once the content has ended; empty if there is none.</summary>
    public IReadOnlyList<HttpField> Trailers { get; private set; } = [];

    /// <summary>Whether the message was read to its end.</summary>
    public bool IsEnded => _isEnded;

    /// <summary>Reads a header section.</summary>
    /// <returns>
    /// The fields; null if they take more than <see cref="Http3Limits.MaxFieldSectionSize"/>, after which nothing else can be
    /// read.
    /// </returns>
    public async ValueTask<List<HttpField>?> ReadHeadAsync(CancellationToken cancellationToken)
    {
        if (!await NextFrameAsync(cancellationToken).ConfigureAwait(false))
        {
            throw isRequest
                ? Http3Exception.OfStream(Http3ErrorCode.RequestIncomplete, "The stream ended before the request.")
                : Http3Exception.OfStream(Http3ErrorCode.MessageError, "The stream ended before the response.");
        }

        if (_frames.Type != FrameType.Headers)
        {
            throw Http3Exception.OfConnection(Http3ErrorCode.FrameUnexpected, "DATA came before HEADERS.");
        }

        return await ReadFieldSectionAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Says what is to follow the last header section.</summary>
    /// <param name="contentLength">The length that the content must have, or -1.</param>
    public void BeginContent(long contentLength) => _contentLength = contentLength;

    /// <summary>Reads some of the content, at least a byte.</summary>
    /// <returns>How many bytes; 0 at the end of the message, when <see cref="Trailers"/> are known.</returns>
    public async ValueTask<int> ReadContentAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        while (!_isEnded)
        {
            if (_frames.Remaining > 0)
            {
                int count = await _frames.ReadPayloadAsync(buffer, cancellationToken).ConfigureAwait(false);
                CountContent(count);
                return count;
            }

            if (!await NextFrameAsync(cancellationToken).ConfigureAwait(false))
            {
                End();
            }
            else if (_frames.Type == FrameType.Headers)
            {
                await ReadTrailersAsync(cancellationToken).ConfigureAwait(false);
            }
            else if (_frames.Remaining == 0)
            {
                CountIdleFrame();
            }
        }

        return 0;
    }

    private async ValueTask ReadTrailersAsync(CancellationToken cancellationToken)
    {
        List<HttpField> fields = await ReadFieldSectionAsync(cancellationToken).ConfigureAwait(false)
            ?? throw Http3Exception.OfStream(Http3ErrorCode.ExcessiveLoad, "The trailer section is larger than the limit.");
        if (!FieldRules.AreTrailers(fields))
        {
            throw Http3Exception.OfStream(Http3ErrorCode.MessageError, "The trailer section is malformed.");
        }

        if (await NextFrameAsync(cancellationToken).ConfigureAwait(false))
        {
            throw Http3Exception.OfConnection(Http3ErrorCode.FrameUnexpected, "A frame came after the trailer section.");
        }

        Trailers = fields;
        End();
    }

    private void CountContent(int count)
    {
        if (count == 0)
        {
            throw NewTruncated();
        }

        _idleFrames = 0;
        _received += count;
        if (_contentLength >= 0 && _received > _contentLength)
        {
            throw Http3Exception.OfStream(Http3ErrorCode.MessageError, "The content is longer than Content-Length.");
        }
    }

    private void End()
    {
        if (_contentLength >= 0 && _received != _contentLength)
        {
            throw Http3Exception.OfStream(Http3ErrorCode.MessageError, "The content is shorter than Content-Length.");
        }

        _isEnded = true;
    }

    /// <summary>Moves to the next HEADERS or DATA frame.</summary>
    /// <returns>False at the end of the stream.</returns>
    private async ValueTask<bool> NextFrameAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            switch (await _frames.ReadHeaderAsync(cancellationToken).ConfigureAwait(false))
            {
                case FrameReadStatus.End:
                    return false;
                case FrameReadStatus.Truncated:
                    throw NewTruncated();
            }

            switch (_frames.Type)
            {
                case FrameType.Data or FrameType.Headers:
                    return true;
                case FrameType.PushPromise when !isRequest:
                    throw Http3Exception.OfConnection(Http3ErrorCode.IdError, "PUSH_PROMISE without MAX_PUSH_ID.");
                case FrameType.PushPromise or FrameType.CancelPush or FrameType.Settings or FrameType.GoAway or FrameType.MaxPushId:
                case long type when FrameType.IsForbidden(type):
                    throw Http3Exception.OfConnection(
                        Http3ErrorCode.FrameUnexpected, $"A frame of type {_frames.Type} came on a request stream.");
            }

            CountIdleFrame();
            if (!await _frames.SkipPayloadAsync(cancellationToken).ConfigureAwait(false))
            {
                throw NewTruncated();
            }
        }
    }

    private async ValueTask<List<HttpField>?> ReadFieldSectionAsync(CancellationToken cancellationToken)
    {
        if (_frames.Remaining > limits.MaxFieldSectionSize)
        {
            return null;
        }

        byte[] section = await _frames.ReadWholePayloadAsync(cancellationToken).ConfigureAwait(false) ?? throw NewTruncated();
        List<HttpField> fields = [];
        return QpackDecoder.Decode(section, limits.MaxFieldSectionSize, fields) switch
        {
            QpackStatus.Decoded => fields,
            QpackStatus.TooLarge => null,
            _ => throw Http3Exception.OfConnection(Http3ErrorCode.QpackDecompressionFailed, "A field section cannot be decoded."),
        };
    }

    private void CountIdleFrame()
    {
        if (++_idleFrames > MaxIdleFrames)
        {
            throw Http3Exception.OfConnection(Http3ErrorCode.ExcessiveLoad, "Too many frames without content.");
        }
    }

    private static Http3Exception NewTruncated() =>
        Http3Exception.OfConnection(Http3ErrorCode.FrameError, "The stream ended within a frame.");
}
