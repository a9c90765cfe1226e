using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels.Dynamic;

/// <summary>
/// One connection that asks for a tunnel by HTTP/1.1 (CONNECT, RFC 9110, 9.3.6), with a name and a password if they are asked for (RFC
/// 7617). Other methods are refused.
/// </summary>
internal sealed class HttpConnectServer(DynamicContext context, Socket socket, SocketReader reader)
{
    private static readonly byte[] s_endOfHead = "\r\n\r\n"u8.ToArray();

    /// <returns>Why it got nowhere; null if it did.</returns>
    /// <exception cref="SocketException">The connection failed.</exception>
    /// <exception cref="OperationCanceledException">It took too long, or was cut off.</exception>
    public async Task<string?> RunAsync(ForwardTable.Forward forward, CancellationToken greeting)
    {
        ReadOnlyMemory<byte> head = await reader.TakeThroughAsync(s_endOfHead, greeting).ConfigureAwait(false);
        if (head.IsEmpty)
        {
            await AnswerAsync("400 Bad Request", "", "no whole request of HTTP/1.1", greeting).ConfigureAwait(false);
            return "it spoke neither SOCKS 5 nor HTTP";
        }

        string[] lines = Encoding.Latin1.GetString(head.Span).Split("\r\n");
        string[] request = lines[0].Split(' ');
        if (request.Length != 3 || !request[2].StartsWith("HTTP/1.", StringComparison.Ordinal))
        {
            await AnswerAsync("400 Bad Request", "", "no request of HTTP/1.1", greeting).ConfigureAwait(false);
            return "it spoke neither SOCKS 5 nor HTTP";
        }

        if (context.Credentials is { } credentials && !IsAuthorized(lines, credentials))
        {
            await AnswerAsync(
                "407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"causeway\"\r\n", "a name and a password are needed", greeting)
                .ConfigureAwait(false);
            return "no name or password that is accepted here";
        }

        if (request[0] != "CONNECT")
        {
            await AnswerAsync("405 Method Not Allowed", "Allow: CONNECT\r\n", "this proxy only makes tunnels (CONNECT)", greeting).ConfigureAwait(false);
            return "it asked for something else than CONNECT";
        }

        if (ParseAuthority(request[1]) is not { } target)
        {
            await AnswerAsync("400 Bad Request", "", "the target must be host:port", greeting).ConfigureAwait(false);
            return "its target is not host:port";
        }

        return await ConnectAsync(target, forward).ConfigureAwait(false);
    }

    private static string StatusOf(TunnelRefusal reason) => reason switch
    {
        TunnelRefusal.NotAllowed => "403 Forbidden",
        TunnelRefusal.TimedOut => "504 Gateway Timeout",
        TunnelRefusal.LimitReached => "503 Service Unavailable",
        _ => "502 Bad Gateway",
    };

    private static bool IsAuthorized(string[] lines, Credentials credentials)
    {
        const string Field = "Proxy-Authorization:";
        const string Scheme = "Basic ";
        string? value = Array.Find(lines, static line => line.StartsWith(Field, StringComparison.OrdinalIgnoreCase))?[Field.Length..].Trim();
        if (value is null || !value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        byte[] pair = new byte[value.Length];
        if (!Convert.TryFromBase64String(value[Scheme.Length..].Trim(), pair, out int length))
        {
            return false;
        }

        ReadOnlySpan<byte> bytes = pair.AsSpan(0, length);
        int colon = bytes.IndexOf((byte)':');
        return colon is >= 0 and <= byte.MaxValue && credentials.Match(bytes[..colon], bytes[(colon + 1)..]);
    }

    /// <summary>The authority form (RFC 9112, 3.2.3).</summary>
    private static EndPoint? ParseAuthority(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return null;
        }

        string host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            return IPAddress.TryParse(host.AsSpan(1, host.Length - 2), out IPAddress? address) ? new IPEndPoint(address, port) : null;
        }

        return host.Length is 0 or > byte.MaxValue || host.AsSpan().ContainsAnyExceptInRange('!', '~') || host.Contains(':', StringComparison.Ordinal)
            ? null
            : WireAddress.NewHost(host, port);
    }

    private async Task<string?> ConnectAsync(EndPoint target, ForwardTable.Forward forward)
    {
        (CausewayStream? stream, TunnelRefusal reason, string problem) = await context.ConnectAsync(socket, target, forward).ConfigureAwait(false);
        if (stream is null)
        {
            await AnswerAsync(StatusOf(reason), "", problem, forward.CutToken).ConfigureAwait(false);
            return problem;
        }

        try
        {
            await SendAsync("HTTP/1.1 200 Connection established\r\n\r\n", forward.CutToken).ConfigureAwait(false);
            await stream.WriteAsync(reader.Rest, forward.CutToken).ConfigureAwait(false);
        }
        catch
        {
            stream.Abort();
            throw;
        }

        await ForwardRelay.RunAsync(socket, stream, fromSocket: true, context.Options, forward.CutToken).ConfigureAwait(false);
        return null;
    }

    private async ValueTask AnswerAsync(string status, string fields, string text, CancellationToken cancellationToken)
    {
        await SendAsync(
            string.Create(
                CultureInfo.InvariantCulture,
                $"HTTP/1.1 {status}\r\n{fields}Content-Type: text/plain\r\nContent-Length: {Encoding.UTF8.GetByteCount(text) + 1}\r\nConnection: close\r\n\r\n{text}\n"),
            cancellationToken).ConfigureAwait(false);
        socket.Shutdown(SocketShutdown.Send);
    }

    private async ValueTask SendAsync(string text, CancellationToken cancellationToken) =>
        await socket.SendAsync(Encoding.UTF8.GetBytes(text), SocketFlags.None, cancellationToken).ConfigureAwait(false);
}
