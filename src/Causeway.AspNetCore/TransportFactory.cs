using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using Causeway.Links;
using Causeway.Protocol;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Causeway.AspNetCore;

/// <summary>Opens listeners for Kestrel's end points, and fails as Kestrel expects of a transport.</summary>
internal abstract class TransportFactory
{
    private readonly ILoggerFactory _loggers;
    private readonly IMemoryPoolFactory<byte>? _pools;

    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    protected TransportFactory(IOptions<CausewayTransportOptions> options, ILoggerFactory loggers, IMemoryPoolFactory<byte>? pools)
    {
        Options = options.Value;
        Options.Validate();
        _loggers = loggers;
        _pools = pools;
        Log = loggers.CreateLogger(TransportLog.Category);
    }

    protected CausewayTransportOptions Options { get; }

    protected ILogger Log { get; }

    /// <summary>Where Kestrel takes the buffers of one end point from.</summary>
    protected MemoryPool<byte> NewPool() => _pools?.Create(new MemoryPoolOptions { Owner = "causeway" }) ?? MemoryPool<byte>.Shared;

    /// <summary>What <see cref="Options"/> say of a listener, before the application's own change to it.</summary>
    protected CausewayListenerOptions NewListenerOptions(TransportProfile profile, IPEndPoint address) => new()
    {
        Profile = profile,
        ListenEndPoint = address,

        // Kestrel's any-address, that of "https://*:443", is IPv6's and means both.
        Udp = new UdpLinkOptions { DualMode = address.Address.Equals(IPAddress.IPv6Any) },
        ConnectionBacklog = Options.Backlog,
        MaxConnections = Options.MaxConnections,
        CloseTimeout = Options.CloseTimeout,
        LoggerFactory = _loggers,
    };

    /// <exception cref="AddressInUseException">Somebody else has the port.</exception>
    /// <exception cref="SocketException">The address is not available.</exception>
    protected static async ValueTask<CausewayListener> ListenAsync(CausewayListenerOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await CausewayListener.ListenAsync(options, cancellationToken).ConfigureAwait(false);
        }
        catch (TransportException error) when (error.InnerException is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse })
        {
            throw new AddressInUseException(error.Message, error);
        }
        catch (TransportException error) when (error.InnerException is SocketException unavailable)
        {
            // For "localhost" Kestrel does with one of IPv4 and IPv6, and an IOException would end it.
            ExceptionDispatchInfo.Throw(unavailable);
            throw;
        }
    }
}
