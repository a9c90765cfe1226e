using System.Diagnostics.CodeAnalysis;
using System.Net;
using Causeway.Http3.Messages;
using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>
/// One request and its response on a stream of their own. Sending and receiving go on independently; the exchange is over when
/// both have ended.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The token source has no timer and no wait handle; the writer holds nothing.")]
internal sealed class ClientExchange
{
    private readonly Http3ClientConnection _connection;
    private readonly Http3Stream _stream;
    private readonly HttpRequestMessage _request;
    private readonly List<HttpField> _head;
    private readonly MessageReader _reader;
    private readonly MessageWriter _writer;
    private readonly CancellationTokenSource _sending = new();
    private Exception? _contentFailure;
    private volatile bool _isExcluded;
    private int _openDirections = 2;
    private int _isReceived;

    public ClientExchange(Http3ClientConnection connection, Http3Stream stream, HttpRequestMessage request, List<HttpField> head)
    {
        _head = head;
        _connection = connection;
        _stream = stream;
        _request = request;
        _reader = new MessageReader(stream, isRequest: false, connection.Limits);
        _writer = new MessageWriter(stream);
    }

    public long StreamId => _stream.Id;

    /// <summary>Sends the request and receives the header section of the response.</summary>
    public async Task<HttpResponseMessage> RunAsync(CancellationToken cancellationToken)
    {
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static state => ((ClientExchange)state!).Cancel(), this);
        bool sends = false;
        try
        {
            if (_connection.IsExcluded(StreamId))
            {
                // GOAWAY came while the stream was opened.
                Reject();
            }

            await _writer.WriteFieldSectionAsync(_head, cancellationToken).ConfigureAwait(false);
            sends = true;
            _ = SendContentAsync();
            ResponseHead response = await ReadHeadAsync(cancellationToken).ConfigureAwait(false);
            return NewResponse(response);
        }
        catch (Exception error)
        {
            await EndReceivingAsync(error).ConfigureAwait(false);
            if (!sends)
            {
                CloseDirection();
            }

            cancellationToken.ThrowIfCancellationRequested();
            Exception reason = Translate(error);
            if (ReferenceEquals(reason, error))
            {
                throw;
            }

            throw reason;
        }
        finally
        {
            await registration.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The server will not process the request: it sent a GOAWAY frame.</summary>
    public void Reject()
    {
        _isExcluded = true;
        Cancel();
    }

    /// <summary>Reads content of the response; at its end, the trailers are given to it.</summary>
    public async ValueTask<int> ReadContentAsync(
        HttpResponseMessage response, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            int count = await _reader.ReadContentAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (count == 0 && _reader.IsEnded)
            {
                foreach (HttpField field in _reader.Trailers)
                {
                    response.TrailingHeaders.TryAddWithoutValidation(field.Name, field.Value);
                }

                await EndReceivingAsync(null).ConfigureAwait(false);
            }

            return count;
        }
        catch (Exception error)
        {
            await EndReceivingAsync(error).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            Exception reason = Translate(error);
            if (ReferenceEquals(reason, error))
            {
                throw;
            }

            throw reason;
        }
    }

    /// <summary>Nobody reads the response any more.</summary>
    public void Abandon()
    {
        if (Interlocked.Exchange(ref _isReceived, 1) == 0)
        {
            Cancel();
            CloseDirection();
        }
    }

    private void Cancel()
    {
        _sending.Cancel();
        _stream.Abort(StreamDirections.Both, Http3ErrorCode.RequestCancelled);
    }

    private async ValueTask<ResponseHead> ReadHeadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            List<HttpField> fields = await _reader.ReadHeadAsync(cancellationToken).ConfigureAwait(false)
                ?? throw Http3Exception.OfStream(
                    Http3ErrorCode.ExcessiveLoad, "The response's header section is larger than MaxFieldSectionSize.");
            ResponseHead head = ResponseHead.Parse(fields)
                ?? throw Http3Exception.OfStream(Http3ErrorCode.MessageError, "The response's header section is malformed.");
            if (!head.IsInterim)
            {
                return head;
            }
        }
    }

    private HttpResponseMessage NewResponse(ResponseHead head)
    {
        HttpResponseMessage response = new((HttpStatusCode)head.StatusCode)
        {
            Version = HttpVersion.Version30,
            RequestMessage = _request,
        };
        bool hasContent = ResponseHead.HasContent(_request.Method.Method, head.StatusCode);
        _reader.BeginContent(hasContent ? head.ContentLength : 0);
        response.Content = new ResponseContent(hasContent ? new ResponseStream(this, response) : Stream.Null);
        foreach (HttpField field in head.Fields)
        {
            if (!response.Headers.TryAddWithoutValidation(field.Name, field.Value))
            {
                response.Content.Headers.TryAddWithoutValidation(field.Name, field.Value);
            }
        }

        if (!hasContent)
        {
            // Callers do not read what is not there; the stream's end is still to come.
            _ = DrainAsync(response);
        }

        return response;
    }

    private async Task DrainAsync(HttpResponseMessage response)
    {
        try
        {
            await ReadContentAsync(response, new byte[1], CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // The response was whole without it.
        }
    }

    private async Task SendContentAsync()
    {
        try
        {
            if (_request.Content is { } content)
            {
                await content.CopyToAsync(_writer, context: null, _sending.Token).ConfigureAwait(false);
                if (content.Headers.ContentLength is { } length && length != _writer.ContentWritten)
                {
                    throw new HttpRequestException($"Content-Length is {length}, but the content has {_writer.ContentWritten} bytes.");
                }
            }

            if (_request.Options.TryGetValue(Http3ClientHandler.RequestTrailers, out IReadOnlyList<HttpField>? trailers))
            {
                RequestFields.ThrowIfNotTrailers(trailers);
                await _writer.WriteFieldSectionAsync(trailers, _sending.Token).ConfigureAwait(false);
            }

            _stream.CompleteWrites();
        }
        catch (Exception) when (_writer.Failure is not null)
        {
            // The server needs no more of the request, and may still respond (RFC 9114, 4.1); or the stream or the connection
            // failed, which the reader sees too.
            _stream.Abort(StreamDirections.Write, Http3ErrorCode.RequestCancelled);
        }
        catch (OperationCanceledException) when (_sending.IsCancellationRequested)
        {
            // Cancel has aborted the stream.
        }
        catch (Exception error)
        {
            _contentFailure = error;
            _stream.Abort(StreamDirections.Both, Http3ErrorCode.RequestCancelled);
        }
        finally
        {
            CloseDirection();
        }
    }

    private async ValueTask EndReceivingAsync(Exception? error)
    {
        if (Interlocked.Exchange(ref _isReceived, 1) != 0)
        {
            return;
        }

        if (error is not null)
        {
            await _sending.CancelAsync().ConfigureAwait(false);
            await _connection.HandleAsync(error, _stream).ConfigureAwait(false);
        }

        CloseDirection();
    }

    private void CloseDirection()
    {
        if (Interlocked.Decrement(ref _openDirections) == 0)
        {
            _connection.Remove(this);
            _stream.Dispose();
        }
    }

    /// <summary>The reason behind what the reader or the writer saw of it.</summary>
    private Exception Translate(Exception error)
    {
        if (_isExcluded)
        {
            return new Http3Exception(
                Http3ErrorCode.RequestRejected, "The server closes the connection and did not process the request.", error)
            {
                IsByPeer = true,
            };
        }

        if (_contentFailure is { } ours)
        {
            return new HttpRequestException($"The request's content could not be sent: {ours.Message}", ours);
        }

        return error is Http3Exception { IsConnectionError: true } && _connection.Failure is { } failure && failure != error
            ? failure.Clone()
            : error;
    }
}
