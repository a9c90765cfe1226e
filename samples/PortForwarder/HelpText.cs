namespace Causeway.PortForwarder;

/// <summary>What <c>causeway --help</c> prints.</summary>
internal static class HelpText
{
    public const string Overview = """
        causeway: forwards TCP ports and Unix sockets over QUIC, or over kcptun's protocol.

        Usage:
           causeway server [options]          accepts connections over QUIC and connects their streams to a target
           causeway client [options]          accepts local connections and carries them to a server
           causeway keygen --out FILE         makes a key and prints its fingerprint; --psk prints a shared secret
           causeway quic get|serve            moves files by HTTP/3 or HTTP/0.9, to try other implementations of QUIC
           causeway kcptun client [options]   the same with kcptun's protocol and flags; either end may be kcptun itself
           causeway kcptun server [options]
           causeway demo [options]            shows a transfer over a bad link, with nothing else installed
           causeway client --help             all options; so for the others
           causeway --version

        Example, to reach a web server on the far machine's port 80 as localhost:8080:
           far$  causeway server --to 127.0.0.1:80            # prints its key's fingerprint
           near$ causeway client --server far:4433 --server-key sha256:... --listen 127.0.0.1:8080

        The same as one of several ports, chosen by the client among what the server allows:
           far$  causeway server --allow 127.0.0.1:80 --allow intranet:443
           near$ causeway client -s far:4433 --server-key sha256:... -L 8080:127.0.0.1:80 -L 8443:intranet:443
        -L udp:... carries UDP, -R has the server listen (where --allow-listen says), -D is a proxy, -W is for ssh's ProxyCommand.

        Started by the name kcptun-client or kcptun-server (a link), it acts as that. kcptun's --tcp and --pprof are refused.

        Signals: SIGINT and SIGTERM stop in order, SIGUSR1 logs the counters, SIGHUP reopens the file of --log.
        Environment: CAUSEWAY_PSK is a shared secret; SSLKEYLOGFILE takes the secrets of connections, for Wireshark;
        KCPTUN_KEY is kcptun's key unless --key is given; CAUSEWAY_DEBUG=1 shows where an error came from.
        Exit code: 0 stopped by a signal, 1 failure while running, 2 an option or a file that cannot be used.

        """;
}
