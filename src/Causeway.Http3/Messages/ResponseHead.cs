namespace Causeway.Http3.Messages;

/// <summary>The header section of a response (RFC 9114, 4.3.2).</summary>
/// <param name="StatusCode">From 100 to 599, not 101.</param>
/// <param name="Fields">The fields that are no pseudo-header fields.</param>
/// <param name="ContentLength">The length that the content has, or would have, in bytes; -1 if not announced.</param>
internal sealed record ResponseHead(int StatusCode, List<HttpField> Fields, long ContentLength)
{
    /// <summary>Whether another header section follows (RFC 9110, 15.2).</summary>
    public bool IsInterim => StatusCode < 200;

    /// <summary>Reads a field section.</summary>
    /// <returns>Null if the response is malformed: H3_MESSAGE_ERROR.</returns>
    public static ResponseHead? Parse(List<HttpField> section)
    {
        int statusCode = 0;
        List<HttpField> fields = new(section.Count);
        foreach (HttpField field in section)
        {
            if (field.Name == ":status")
            {
                if (statusCode != 0 || fields.Count > 0 || !TryParseStatus(field.Value, out statusCode))
                {
                    return null;
                }
            }
            else if (FieldRules.IsRegular(field))
            {
                fields.Add(field);
            }
            else
            {
                return null;
            }
        }

        return statusCode != 0 && FieldRules.TryGetContentLength(fields, out long contentLength)
            ? new ResponseHead(statusCode, fields, contentLength)
            : null;
    }

    /// <summary>Whether the response to a request has content (RFC 9110, 6.4.1).</summary>
    public static bool HasContent(string method, int statusCode) => method != "HEAD" && statusCode is not (204 or 304);

    private static bool TryParseStatus(string value, out int statusCode)
    {
        statusCode = 0;
        if (value.Length != 3 || !value.AsSpan().ContainsAnyInRange('0', '9') || value.AsSpan().ContainsAnyExceptInRange('0', '9'))
        {
            return false;
        }

        statusCode = ((value[0] - '0') * 100) + ((value[1] - '0') * 10) + value[2] - '0';

        // HTTP/3 has no 101 Switching Protocols (RFC 9114, 4.5).
        return statusCode is >= 100 and <= 599 and not 101;
    }
}
