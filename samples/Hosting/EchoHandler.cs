using Causeway.Hosting;
using Microsoft.Extensions.Logging;

namespace Causeway.Samples.Hosting;

/// <summary>One is made for each stream, with what its constructor asks the services for.</summary>
internal sealed partial class EchoHandler(ILogger<EchoHandler> log) : CausewayStreamHandler
{
    public override async Task OnStreamAsync(CausewayStream stream, CausewayHandlerContext context, CancellationToken cancellationToken)
    {
        await stream.CopyToAsync(stream, cancellationToken);    // until the client ends its direction
        Served(context.ListenerName, context.Connection.RemoteEndPoint.ToString()!);
    }

    [LoggerMessage(LogLevel.Warning, "{Listener} served a stream of {Remote}")]
    private partial void Served(string listener, string remote);
}
