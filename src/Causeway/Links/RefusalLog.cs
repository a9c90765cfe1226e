using Causeway.Protocol;
using Microsoft.Extensions.Logging;

namespace Causeway.Links;

/// <summary>
/// Tells whose datagrams do not decipher: one line an address and minute, since the usual reason is a peer with another key or
/// crypt, which otherwise sees silence at both ends. One receiver at a time.
/// </summary>
/// <remarks>
/// Anybody can send such datagrams, from any address, so the addresses of a minute are bounded. The logger must not block: give
/// it a <see cref="Telemetry.BackgroundLogger"/>.
/// </remarks>
internal sealed partial class RefusalLog
{
    /// <summary>Addresses that are named in a minute.</summary>
    public const int MaxAddresses = 256;

    /// <summary>How often an address is named.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly HashSet<PeerAddress> _told = new(MaxAddresses);
    private long _since;
    private bool _isFullTold;

    public RefusalLog(ILogger logger, TimeProvider time)
    {
        _logger = logger;
        _time = time;
        _since = time.GetTimestamp();
    }

    /// <summary>A datagram of that peer did not decipher.</summary>
    public void Note(PeerAddress peer)
    {
        if (_time.GetElapsedTime(_since) >= Period)
        {
            _since = _time.GetTimestamp();
            _told.Clear();
            _isFullTold = false;
        }

        PeerAddress address = peer.WithoutPort();
        bool isFull = _told.Count == MaxAddresses;
        if (isFull ? _isFullTold || _told.Contains(address) : _told.Contains(address))
        {
            return;
        }

        if (isFull)
        {
            _isFullTold = true;
            TooMany(_logger, MaxAddresses);
        }
        else
        {
            _told.Add(address);
            DoesNotDecipher(_logger, peer);
        }
    }

    [LoggerMessage(20, LogLevel.Warning, "datagrams that do not decipher from {Peer}: its key or crypt is another, or it is no peer",
        EventName = "DoesNotDecipher")]
    private static partial void DoesNotDecipher(ILogger logger, PeerAddress peer);

    [LoggerMessage(21, LogLevel.Warning, "datagrams that do not decipher from more than {Count} addresses: no more are named for a minute",
        EventName = "DoNotDecipherFromMany")]
    private static partial void TooMany(ILogger logger, int count);
}
