namespace Causeway.Http3.Messages;

/// <summary>The header section of a request (RFC 9114, 4.3.1 and 4.4).</summary>
/// <param name="Method">The method.</param>
/// <param name="Scheme">The scheme; empty for CONNECT.</param>
/// <param name="Authority">Host and port; empty if only the Host field has them.</param>
/// <param name="Path">Path and query; empty for CONNECT.</param>
/// <param name="Fields">The fields that are no pseudo-header fields.</param>
/// <param name="ContentLength">The length of the content in bytes, or -1 if not announced.</param>
internal sealed record RequestHead(
    string Method, string Scheme, string Authority, string Path, List<HttpField> Fields, long ContentLength)
{
    /// <summary>Reads a field section.</summary>
    /// <returns>Null if the request is malformed: H3_MESSAGE_ERROR.</returns>
    public static RequestHead? Parse(List<HttpField> section)
    {
        string? method = null;
        string? scheme = null;
        string? authority = null;
        string? path = null;
        string? host = null;
        List<HttpField> fields = new(section.Count);
        foreach (HttpField field in section)
        {
            if (!field.Name.StartsWith(':'))
            {
                if (!FieldRules.IsRegular(field))
                {
                    return null;
                }

                if (field.Name == "host")
                {
                    if (host is not null)
                    {
                        return null;
                    }

                    host = field.Value;
                }

                fields.Add(field);
                continue;
            }

            // Pseudo-header fields stand before all others, each once.
            if (fields.Count > 0 || !FieldRules.IsValue(field.Value) || field.Value.Length == 0)
            {
                return null;
            }

            bool isFirst = field.Name switch
            {
                ":method" => SetOnce(ref method, field.Value),
                ":scheme" => SetOnce(ref scheme, field.Value),
                ":authority" => SetOnce(ref authority, field.Value),
                ":path" => SetOnce(ref path, field.Value),
                _ => false,
            };
            if (!isFirst)
            {
                return null;
            }
        }

        if (method is null
            || !FieldRules.IsMethod(method)
            || !AreConsistent(method, scheme, authority, path, host)
            || !FieldRules.TryGetContentLength(fields, out long contentLength))
        {
            return null;
        }

        return new RequestHead(method, scheme ?? "", authority ?? "", path ?? "", fields, contentLength);
    }

    private static bool AreConsistent(string method, string? scheme, string? authority, string? path, string? host)
    {
        if (method == "CONNECT")
        {
            return scheme is null && path is null && authority is not null;
        }

        if (scheme is null || path is null || (authority is not null && host is not null && authority != host))
        {
            return false;
        }

        if (scheme is not ("http" or "https"))
        {
            return true;
        }

        // An origin needs an authority, without user information; a path begins with a slash but for OPTIONS *.
        return !string.IsNullOrEmpty(authority ?? host)
            && authority?.Contains('@') != true
            && (path.StartsWith('/') || (path == "*" && method == "OPTIONS"));
    }

    private static bool SetOnce(ref string? target, string value)
    {
        if (target is not null)
        {
            return false;
        }

        target = value;
        return true;
    }
}
