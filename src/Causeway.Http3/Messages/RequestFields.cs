using System.Globalization;
using System.Net.Http.Headers;

namespace Causeway.Http3.Messages;

/// <summary>Makes the header section of a request out of an <see cref="HttpRequestMessage"/> (RFC 9114, 4.3.1).</summary>
internal static class RequestFields
{
    /// <summary>The fields, pseudo-header fields first.</summary>
    /// <param name="request">With an absolute URI.</param>
    /// <param name="maxSize">The peer's limit (RFC 9114, 4.2.2).</param>
    /// <exception cref="HttpRequestException">A field cannot be sent, or they are larger than the peer accepts.</exception>
    public static List<HttpField> Of(HttpRequestMessage request, long maxSize)
    {
        Uri uri = request.RequestUri!;
        string authority = request.Headers.Host ?? AuthorityOf(uri);
        if (!FieldRules.IsValue(authority))
        {
            throw new HttpRequestException("The Host field cannot be sent over HTTP/3.");
        }

        List<HttpField> fields = [new(":method", request.Method.Method)];
        if (request.Method == HttpMethod.Connect)
        {
            fields.Add(new HttpField(":authority", authority));
        }
        else
        {
            fields.Add(new HttpField(":scheme", uri.Scheme));
            fields.Add(new HttpField(":authority", authority));
            fields.Add(new HttpField(":path", uri.PathAndQuery));
        }

        Add(fields, request.Headers);
        if (request.Content is { } content)
        {
            // Asking for the length computes it, where it can be known.
            _ = content.Headers.ContentLength;
            Add(fields, content.Headers);
        }

        long size = FieldRules.SizeOf(fields);
        return size <= maxSize
            ? fields
            : throw new HttpRequestException($"The header section has {size} bytes; the server accepts {maxSize}.");
    }

    /// <exception cref="HttpRequestException">A field may not stand in a trailer section.</exception>
    public static void ThrowIfNotTrailers(IReadOnlyList<HttpField> trailers)
    {
        foreach (HttpField field in trailers)
        {
            ThrowIfNotRegular(field);
        }
    }

    // Names in ASCII, addresses of IPv6 in brackets, no user information.
    private static string AuthorityOf(Uri uri)
    {
        string host = uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : uri.IdnHost;
        return uri.IsDefaultPort ? host : string.Create(CultureInfo.InvariantCulture, $"{host}:{uri.Port}");
    }

    private static void Add(List<HttpField> fields, HttpHeaders headers)
    {
        foreach ((string name, HeaderStringValues values) in headers.NonValidated)
        {
            string lower = name.ToLowerInvariant();
            if (lower == "host" || FieldRules.IsConnectionSpecific(lower))
            {
                // The authority stands in its pseudo-header field. The others concern HTTP/1.1.
                continue;
            }

            foreach (string value in values)
            {
                HttpField field = new(lower, value.Trim(' ', '\t'));
                if (lower == "te" && field.Value != "trailers")
                {
                    continue;
                }

                ThrowIfNotRegular(field);
                fields.Add(field);
            }
        }
    }

    private static void ThrowIfNotRegular(HttpField field)
    {
        if (!FieldRules.IsRegular(field))
        {
            throw new HttpRequestException($"The field '{field.Name}' cannot be sent over HTTP/3.");
        }
    }
}
