namespace Causeway.Hosting;

/// <summary>A stream handler that is a function.</summary>
internal sealed class DelegateStreamHandler(Func<CausewayStream, CausewayHandlerContext, CancellationToken, Task> serve) : CausewayStreamHandler
{
    public override Task OnStreamAsync(CausewayStream stream, CausewayHandlerContext context, CancellationToken cancellationToken) =>
        serve(stream, context, cancellationToken);
}
