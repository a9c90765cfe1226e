using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels;

namespace Causeway.Forwarding;

/// <summary>Connects to targets while the process has descriptors for it, and says exactly why it could not. Thread-safe.</summary>
internal sealed class TargetDialer(ForwardPlaces places, TimeSpan timeout)
{
    /// <summary>Connects within the time that the place has. A connection that was made has its limit lifted.</summary>
    public ValueTask<DialResult> DialAsync(ForwardEndPoint target, ForwardTable.Forward forward) => DialOnceAsync(target, forward, forward.CutToken);

    /// <summary>The same with one of several addresses, tried in turn; one that does not answer leaves time for the others.</summary>
    public async ValueTask<DialResult> DialAsync(IReadOnlyList<ForwardEndPoint> targets, ForwardTable.Forward forward)
    {
        DialResult result = new(null, TunnelRefusal.NameNotFound, "the name has no address");
        for (int i = 0; i < targets.Count; i++)
        {
            using CancellationTokenSource share = CancellationTokenSource.CreateLinkedTokenSource(forward.CutToken);
            if (i < targets.Count - 1)
            {
                share.CancelAfter(timeout / targets.Count);
            }

            result = await DialOnceAsync(targets[i], forward, share.Token).ConfigureAwait(false);
            if (result.Socket is not null || forward.CutToken.IsCancellationRequested)
            {
                break;
            }
        }

        return result;
    }

    /// <summary>What an error of the system says about a target.</summary>
    public static TunnelRefusal ReasonOf(SocketException error) => error.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => TunnelRefusal.ConnectRefused,
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery => TunnelRefusal.NameNotFound,
        SocketError.HostUnreachable or SocketError.HostDown or SocketError.NetworkUnreachable or SocketError.NetworkDown
            or SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported => TunnelRefusal.Unreachable,
        SocketError.TimedOut => TunnelRefusal.TimedOut,
        SocketError.TooManyOpenSockets => TunnelRefusal.LimitReached,
        _ => TunnelRefusal.Failed,
    };

    /// <summary>Looks a name up.</summary>
    /// <exception cref="SocketException">It has no address, or none could be learned.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask<IPAddress[]> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        IPAddress[] addresses = await Dns.GetHostAddressesAsync(name, cancellationToken).ConfigureAwait(false);
        return addresses.Length > 0 ? addresses : throw new SocketException((int)SocketError.NoData);
    }

    private async ValueTask<DialResult> DialOnceAsync(ForwardEndPoint target, ForwardTable.Forward forward, CancellationToken limit)
    {
        try
        {
            Socket socket = await ConnectAsync(target, limit).ConfigureAwait(false);
            if (forward.LiftLimit())
            {
                return new DialResult(socket, default, "");
            }

            socket.Dispose();
        }
        catch (SocketException error)
        {
            return new DialResult(null, ReasonOf(error), error.Message);
        }
        catch (OperationCanceledException)
        {
            // Told below.
        }

        return places.AreDescriptorsUsedUp
            ? new DialResult(null, TunnelRefusal.LimitReached, "no more files can be opened at present")
            : new DialResult(
                null, TunnelRefusal.TimedOut, string.Create(CultureInfo.InvariantCulture, $"no answer within {timeout.TotalSeconds} s"));
    }

    private async ValueTask<Socket> ConnectAsync(ForwardEndPoint target, CancellationToken cancellationToken)
    {
        while (true)
        {
            await places.WaitForDescriptorsAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                if (await target.ConnectAsync(places.Pass, cancellationToken).ConfigureAwait(false) is { } socket)
                {
                    return socket;
                }
            }
            catch (SocketException error) when (places.IsOutOfDescriptors(error))
            {
                // Once more when there is room.
            }
        }
    }
}

/// <summary>A connection to a target, or why there is none.</summary>
/// <param name="Socket">The connection; null if there is none.</param>
/// <param name="Reason">Why, for programs.</param>
/// <param name="Problem">Why, for people.</param>
internal readonly record struct DialResult(Socket? Socket, TunnelRefusal Reason, string Problem);
