using Causeway.PortForwarder;
using Causeway.PortForwarder.Output;

// Before the first socket, which is when the runtime looks: what waits for a socket goes on on the thread that heard of it.
// Nothing in a forwarder blocks, and waking a thread of the pool for each message costs more than relaying it.
const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";
if (Environment.GetEnvironmentVariable(InlineCompletions) is null)
{
    Environment.SetEnvironmentVariable(InlineCompletions, "1");
}

return await CommandLine.RunAsync(InvokedName.Apply(args), StandardStreams.Output, StandardStreams.Error);
