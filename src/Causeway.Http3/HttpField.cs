namespace Causeway.Http3;

/// <summary>One field line of a header or trailer section (RFC 9114, 4.2): a name in lower case and a value.</summary>
/// <param name="Name">The name; that of a pseudo-header field begins with a colon.</param>
/// <param name="Value">The value; each character is one byte on the wire (ISO 8859-1).</param>
public readonly record struct HttpField(string Name, string Value);
