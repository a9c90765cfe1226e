using Causeway.Http3.Framing;
using Causeway.Http3.Qpack;
using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>The peer's unidirectional streams (RFC 9114, 6.2): the control stream, QPACK's, others.</summary>
internal sealed class PeerStreams(Http3Connection connection)
{
    // The longest payload of a frame on the control stream that is not SETTINGS: one integer.
    private const int MaxIdPayload = VarInt.MaxLength;

    // The largest ID of a request (RFC 9114, 5.2).
    private const long MostRequestId = VarInt.MaxValue - 3;

    // Control frames in a row that are ignored; see MessageReader.
    private const int MaxIgnoredFrames = 1000;

    private readonly QpackStreams _qpack = new();
    private int _seen;
    private long _goAwayId = VarInt.MaxValue;
    private long _maxPushId = -1;

    private bool IsClient => connection.Transport.IsClient;

    /// <summary>Reads a stream until it or the connection ends. Never throws.</summary>
    public async Task RunAsync(Http3Stream stream)
    {
        FrameReader reader = new(stream);
        bool isCritical = false;
        try
        {
            long type = await reader.ReadIntegerAsync(connection.Ended).ConfigureAwait(false);
            isCritical = type is StreamType.Control or StreamType.QpackEncoder or StreamType.QpackDecoder;
            if (isCritical && (Interlocked.Or(ref _seen, 1 << (int)type) & (1 << (int)type)) != 0)
            {
                throw NewError(Http3ErrorCode.StreamCreationError, $"A second stream of type {type} was opened.");
            }

            switch (type)
            {
                case StreamType.Control:
                    await RunControlAsync(reader).ConfigureAwait(false);
                    break;
                case StreamType.QpackEncoder or StreamType.QpackDecoder:
                    await RunQpackAsync(reader, type == StreamType.QpackEncoder).ConfigureAwait(false);
                    break;
                case StreamType.Push:
                    // A client sends no MAX_PUSH_ID here, so that no push ID is permitted (RFC 9114, 4.6).
                    throw IsClient
                        ? NewError(Http3ErrorCode.IdError, "A push stream came without MAX_PUSH_ID.")
                        : NewError(Http3ErrorCode.StreamCreationError, "A client opened a push stream.");
                case >= 0:
                    stream.Abort(StreamDirections.Read, Http3ErrorCode.StreamCreationError);
                    break;
            }
        }
        catch (Exception) when (connection.Ended.IsCancellationRequested)
        {
            // All streams end with the connection.
        }
        catch (Http3Exception error) when (!error.IsConnectionError)
        {
            // The peer reset the stream.
            if (isCritical)
            {
                await connection.FailAsync(NewClosedCritical()).ConfigureAwait(false);
            }
        }
        catch (Exception error)
        {
            await connection.FailAsync(error).ConfigureAwait(false);
        }

        if (!isCritical)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task RunControlAsync(FrameReader reader)
    {
        await NextFrameAsync(reader).ConfigureAwait(false);
        if (reader.Type != FrameType.Settings)
        {
            throw NewError(Http3ErrorCode.MissingSettings, "The control stream does not begin with SETTINGS.");
        }

        byte[] payload = await ReadPayloadAsync(reader, PeerSettings.MaxPayload).ConfigureAwait(false);
        if (!PeerSettings.TryParse(payload, out PeerSettings settings, out Http3ErrorCode error))
        {
            throw NewError(error, "The SETTINGS frame is malformed.");
        }

        connection.PeerSettings = settings;
        int ignored = 0;
        while (true)
        {
            await NextFrameAsync(reader).ConfigureAwait(false);
            if (await HandleControlFrameAsync(reader).ConfigureAwait(false))
            {
                ignored = 0;
            }
            else if (++ignored > MaxIgnoredFrames)
            {
                throw NewError(Http3ErrorCode.ExcessiveLoad, "Too many frames without meaning on the control stream.");
            }
            else if (!await reader.SkipPayloadAsync(connection.Ended).ConfigureAwait(false))
            {
                throw NewClosedCritical();
            }
        }
    }

    /// <returns>False if the frame is unknown: its payload is still to be skipped.</returns>
    private async ValueTask<bool> HandleControlFrameAsync(FrameReader reader)
    {
        switch (reader.Type)
        {
            case FrameType.GoAway:
                HandleGoAway(await ReadIdAsync(reader).ConfigureAwait(false));
                return true;
            case FrameType.MaxPushId when !IsClient:
                HandleMaxPushId(await ReadIdAsync(reader).ConfigureAwait(false));
                return true;
            case FrameType.CancelPush:
                await ReadIdAsync(reader).ConfigureAwait(false);

                // No push was promised, and none permitted (RFC 9114, 7.2.3).
                throw NewError(Http3ErrorCode.IdError, "CANCEL_PUSH names a push that does not exist.");
            case FrameType.MaxPushId or FrameType.Settings or FrameType.Data or FrameType.Headers or FrameType.PushPromise:
            case long type when FrameType.IsForbidden(type):
                throw NewError(Http3ErrorCode.FrameUnexpected, $"A frame of type {reader.Type} came on the control stream.");
            default:
                return false;
        }
    }

    private void HandleGoAway(long id)
    {
        // It names no request, so that it is an error by the letter (RFC 9114, 5.2), but Kestrel announces its end with it in place of
        // 2^62 - 4, and what it means is plain.
        if (IsClient && id == VarInt.MaxValue)
        {
            id = MostRequestId;
        }

        if (id > _goAwayId || !connection.OnGoAway(id))
        {
            throw NewError(Http3ErrorCode.IdError, "The ID of GOAWAY is larger than the one before, or of no request.");
        }

        _goAwayId = id;
    }

    private void HandleMaxPushId(long id)
    {
        if (id < _maxPushId)
        {
            throw NewError(Http3ErrorCode.IdError, "MAX_PUSH_ID reduces the limit.");
        }

        _maxPushId = id;
    }

    private async Task RunQpackAsync(FrameReader reader, bool isEncoder)
    {
        byte[] buffer = new byte[128];
        while (true)
        {
            int count = await reader.ReadRawAsync(buffer, connection.Ended).ConfigureAwait(false);
            if (count == 0)
            {
                throw NewClosedCritical();
            }

            ReadOnlySpan<byte> bytes = buffer.AsSpan(0, count);
            if (isEncoder && !QpackStreams.AcceptEncoderInstructions(bytes))
            {
                throw NewError(Http3ErrorCode.QpackEncoderStreamError, "The dynamic table has no room.");
            }

            if (!isEncoder && !_qpack.AcceptDecoderInstructions(bytes))
            {
                throw NewError(Http3ErrorCode.QpackDecoderStreamError, "There were no inserts to acknowledge.");
            }
        }
    }

    // The stream's end matters more than the frame that it cuts: a critical stream was closed.
    private async ValueTask NextFrameAsync(FrameReader reader)
    {
        if (await reader.ReadHeaderAsync(connection.Ended).ConfigureAwait(false) != FrameReadStatus.Frame)
        {
            throw NewClosedCritical();
        }
    }

    private async ValueTask<byte[]> ReadPayloadAsync(FrameReader reader, int maxLength)
    {
        if (reader.Remaining > maxLength)
        {
            throw NewError(Http3ErrorCode.FrameError, "A control frame is too long.");
        }

        return await reader.ReadWholePayloadAsync(connection.Ended).ConfigureAwait(false) ?? throw NewClosedCritical();
    }

    private async ValueTask<long> ReadIdAsync(FrameReader reader)
    {
        byte[] payload = await ReadPayloadAsync(reader, MaxIdPayload).ConfigureAwait(false);
        return VarInt.TryRead(payload, out long id, out int length) && length == payload.Length
            ? id
            : throw NewError(Http3ErrorCode.FrameError, "The payload is not one integer.");
    }

    private static Http3Exception NewError(Http3ErrorCode code, string message) => Http3Exception.OfConnection(code, message);

    private static Http3Exception NewClosedCritical() =>
        NewError(Http3ErrorCode.ClosedCriticalStream, "A stream that the connection needs was closed.");
}
