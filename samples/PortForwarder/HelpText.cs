namespace Causeway.PortForwarder;

/// <summary>What <c>causeway --help</c> prints.</summary>
internal static class HelpText
{
    public const string Overview = """
        causeway: forwards TCP ports and Unix sockets over UDP, with FEC, encryption and compression. Speaks kcptun's protocol.

        Usage:
           causeway server [options]   accepts sessions over UDP and connects their streams to a target
           causeway client [options]   accepts local connections and carries them to a server
           causeway demo [options]     shows a transfer over a bad link, with nothing else installed
           causeway client --help      all options, which are kcptun's; so for the server
           causeway --version

        Example, to reach a web server on the far machine's port 80 as localhost:8080:
           far$  causeway server --listen :29900 --target 127.0.0.1:80 --key SECRET --crypt aes-128-gcm
           near$ causeway client --localaddr 127.0.0.1:8080 --remoteaddr far:29900 --key SECRET --crypt aes-128-gcm

        Either end may be kcptun itself. Its --tcp and --pprof are not supported and are refused.

        Signals: SIGINT and SIGTERM stop in order, SIGUSR1 logs the counters, SIGHUP reopens the file of --log.
        Environment: KCPTUN_KEY is the key unless --key is given; CAUSEWAY_DEBUG=1 shows where an error came from.
        Exit code: 0 stopped by a signal, 1 failure while running, 2 an option or a file that cannot be used.

        """;
}
