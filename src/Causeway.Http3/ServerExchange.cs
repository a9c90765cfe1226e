using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Causeway.Http3.Messages;
using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>One request and its response, on the server.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The writer holds nothing to dispose.")]
internal sealed class ServerExchange(
    Http3ServerConnection connection, Http3Stream stream, Http3RequestHandler handler, TimeProvider time)
{
    private const int CopyBufferSize = 16 * 1024;

    private readonly MessageReader _reader = new(stream, isRequest: true, connection.Limits);
    private readonly MessageWriter _writer = new(stream);

    /// <summary>Serves the request. Throws what the stream or the connection is to be closed for.</summary>
    public async Task RunAsync()
    {
        List<HttpField>? section = await _reader.ReadHeadAsync(connection.Ended).ConfigureAwait(false);
        if (section is null)
        {
            await RespondAsync(new Http3Response(431), isHead: false).ConfigureAwait(false);
            return;
        }

        RequestHead head = RequestHead.Parse(section)
            ?? throw Http3Exception.OfStream(Http3ErrorCode.MessageError, "The request's header section is malformed.");
        if (head.Method is not ("GET" or "HEAD" or "OPTIONS" or "TRACE"))
        {
            // What came before the handshake may be a recording, and may only be carried out again if that does no harm (RFC 8470, 3).
            await connection.WaitForHandshakeAsync(connection.Ended).ConfigureAwait(false);
        }

        _reader.BeginContent(head.ContentLength);
        Http3Response response = await HandleAsync(new Http3Request(head, _reader)).ConfigureAwait(false);
        await RespondAsync(response, head.Method == "HEAD").ConfigureAwait(false);
    }

    private async ValueTask<Http3Response> HandleAsync(Http3Request request)
    {
        try
        {
            return await handler(request, connection.Ended).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not Http3Exception and not OperationCanceledException)
        {
            return new Http3Response(500);
        }
    }

    private async ValueTask RespondAsync(Http3Response response, bool isHead)
    {
        await using (((IAsyncDisposable?)response.Body ?? Stream.Null).ConfigureAwait(false))
        {
            List<HttpField> fields = [new(":status", response.StatusCode.ToString(CultureInfo.InvariantCulture))];
            AddRegular(fields, response.Headers);
            if (!fields.Exists(static field => field.Name == "date"))
            {
                fields.Add(new HttpField("date", time.GetUtcNow().ToString("r", CultureInfo.InvariantCulture)));
            }

            if (FieldRules.SizeOf(fields) > connection.PeerSettings.MaxFieldSectionSize)
            {
                throw new InvalidOperationException("The response's header section is larger than the client accepts.");
            }

            await _writer.WriteFieldSectionAsync(fields, connection.Ended).ConfigureAwait(false);
            if (response.Body is not null && !isHead && response.StatusCode is not (204 or 304))
            {
                await response.Body.CopyToAsync(_writer, CopyBufferSize, connection.Ended).ConfigureAwait(false);
                ThrowIfLengthDiffers(fields);
            }

            if (response.Trailers is not null)
            {
                List<HttpField> trailers = [];
                AddRegular(trailers, response.Trailers());
                await _writer.WriteFieldSectionAsync(trailers, connection.Ended).ConfigureAwait(false);
            }
        }

        stream.CompleteWrites();
        if (!_reader.IsEnded)
        {
            // The response does not need the rest of the request (RFC 9114, 4.1).
            stream.Abort(StreamDirections.Read, Http3ErrorCode.NoError);
        }
    }

    private void ThrowIfLengthDiffers(List<HttpField> fields)
    {
        if (!FieldRules.TryGetContentLength(fields, out long length) || (length >= 0 && length != _writer.ContentWritten))
        {
            throw new InvalidOperationException("The handler's Content-Length is not the length of its content.");
        }
    }

    private static void AddRegular(List<HttpField> fields, IEnumerable<HttpField> added)
    {
        foreach (HttpField field in added)
        {
            HttpField lower = new(field.Name.ToLowerInvariant(), field.Value);
            fields.Add(FieldRules.IsRegular(lower)
                ? lower
                : throw new InvalidOperationException($"The handler's field '{field.Name}' cannot be sent over HTTP/3."));
        }
    }
}
