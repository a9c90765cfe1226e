using System.Net;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels;

/// <summary>How a stream of the tunnel protocol begins (docs/wire/tunnel.md 2), at either end.</summary>
internal static class TunnelStream
{
    /// <summary>Says what a stream is for.</summary>
    /// <exception cref="TransportException">The stream or the connection failed.</exception>
    public static ValueTask RequestAsync(CausewayStream stream, TunnelFrame request, CancellationToken cancellationToken) =>
        stream.WriteAsync(request.ToBytes(), cancellationToken);

    /// <summary>Waits for the answer to what was asked.</summary>
    /// <returns>The answer, which grants it.</returns>
    /// <exception cref="TunnelRefusedException">The peer refuses.</exception>
    /// <exception cref="TransportException">The stream or the connection failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<TunnelFrame> ReadAnswerAsync(CausewayStream stream, CancellationToken cancellationToken)
    {
        (TunnelFrame? answer, TunnelRefusal reason, string problem) = await TunnelFrameReader.ReadAsync(stream, cancellationToken).ConfigureAwait(false);
        if (answer is null)
        {
            throw new TunnelRefusedException(reason, $"the peer's answer cannot be read: {problem}");
        }

        return answer.Code == TunnelFrame.Granted
            ? answer
            : throw new TunnelRefusedException(Known(answer.Code), $"refused by the peer: {Words(Known(answer.Code))}{Detail(answer.Text)}");
    }

    /// <summary>Refuses what a stream was for, and is done with it.</summary>
    public static async Task RefuseAsync(CausewayStream stream, TunnelRefusal reason, string problem)
    {
        try
        {
            await stream.WriteAsync(TunnelFrame.Refuse(reason, problem).ToBytes(), completeWrites: true).ConfigureAwait(false);
        }
        catch (TransportException)
        {
            // Whoever asked has gone.
        }

        Finish(stream);
    }

    /// <summary>Ends both directions in order: what was written arrives, and the peer is told that nothing more is read.</summary>
    public static void Finish(CausewayStream stream)
    {
        stream.Abort(StreamAbortDirections.Read, 0);
        stream.Dispose();
    }

    /// <summary>A request for people.</summary>
    public static string Describe(TunnelKind kind, EndPoint? address) => (kind, address) switch
    {
        (TunnelKind.Connect, null) => "its own target",
        (TunnelKind.Connect, _) => $"{Text(address)}",
        (TunnelKind.Datagrams, null) => "its own target over UDP",
        (TunnelKind.Datagrams, _) => $"{Text(address)}/udp",
        (TunnelKind.Listen, _) => $"listening on {Text(address)}",
        (TunnelKind.ListenDatagrams, _) => $"listening on {Text(address)}/udp",
        (TunnelKind.Accepted or TunnelKind.AcceptedDatagrams, _) => "what it accepted",
        _ => $"request {(int)kind}",
    };

    /// <summary>An address as people write it.</summary>
    public static string Text(EndPoint? address) => address switch
    {
        null => "no address",
        DnsEndPoint dns => $"{dns.Host}:{dns.Port}",
        _ => address.ToString() ?? "",
    };

    private static TunnelRefusal Known(byte code) => Enum.IsDefined((TunnelRefusal)code) ? (TunnelRefusal)code : TunnelRefusal.Failed;

    private static string Detail(string? text) => string.IsNullOrEmpty(text) ? "" : $" ({text})";

    private static string Words(TunnelRefusal reason) => reason switch
    {
        TunnelRefusal.NotAllowed => "not allowed",
        TunnelRefusal.Unreachable => "host unreachable",
        TunnelRefusal.NameNotFound => "name not found",
        TunnelRefusal.ConnectRefused => "connect refused",
        TunnelRefusal.TimedOut => "no answer in time",
        TunnelRefusal.LimitReached => "limit reached",
        TunnelRefusal.AddressUnavailable => "address in use or not available",
        TunnelRefusal.Unsupported => "not supported",
        TunnelRefusal.Malformed => "request not understood",
        _ => "failed",
    };
}
