using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Causeway.Links;

namespace Causeway;

/// <content>What a failure may come from, where the wire itself has no way to say it.</content>
public sealed partial class CausewayConnection
{
    /// <summary>
    /// Adds the likely cause to the failure of a client that never heard of its server: without a handshake, a server with another
    /// key drops what it gets without a word, as a firewall does.
    /// </summary>
    private TransportException WithGuess(TransportException failure)
    {
        if (!_ownsShard || Session.Statistics.InPackets > 0
            || failure.Error is not (TransportError.DeadLink or TransportError.IdleTimeout))
        {
            return failure;
        }

        long refused = (_shard.Link as TransformLink)?.Refused ?? 0;
        string guess = refused > 0
            ? string.Create(CultureInfo.InvariantCulture, $" {refused} datagrams came and did not decipher: the peer's key or crypt is another.")
            : !Session.IsEstablished ? " Nothing was ever heard of it: nobody listens there, or a firewall is between."
            : " Nothing was ever heard of it: nobody listens there, a firewall is between, or its key or crypt is another.";
        return new TransportException(failure.Error, failure.Message.TrimEnd('.') + "." + guess, failure.InnerException);
    }

    private static async ValueTask<IPAddress> ResolveAsync(DnsEndPoint name, CancellationToken cancellationToken)
    {
        IPAddress[] addresses;
        try
        {
            addresses = await Dns.GetHostAddressesAsync(name.Host, name.AddressFamily, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
            throw NotResolved(name, error.Message, error);
        }

        // UDP has no handshake that would tell a dead IPv6 path from a live one, so IPv4 is the safer first choice.
        return addresses.FirstOrDefault(static a => a.AddressFamily == AddressFamily.InterNetwork)
            ?? addresses.FirstOrDefault()
            ?? throw NotResolved(name, "it has no address", cause: null);
    }

    private static TransportException NotResolved(DnsEndPoint name, string why, Exception? cause) =>
        new(TransportError.ConnectFailed, $"The name '{name.Host}' could not be resolved: {why}", cause);
}
