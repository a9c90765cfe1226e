using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Causeway.PortForwarder.Forward;
using Causeway.PortForwarder.Output;

namespace Causeway.PortForwarder.Quic;

/// <summary>The command line of <c>causeway quic get</c> and <c>causeway quic serve</c>.</summary>
internal static class QuicCommands
{
    public static async Task<int> RunAsync(string[] args, TextWriter output, LineQueue errors, CancellationToken stop)
    {
        int result = CommandLine.Success;
        Command quic = new("quic", "Small tools over QUIC")
        {
            NewGet(async options => result = await QuicGet.RunAsync(options, errors, stop).ConfigureAwait(false)),
            NewServe(async options => result = await QuicServe.RunAsync(options, errors, stop).ConfigureAwait(false)),
        };
        RootCommand root = new("causeway") { quic };
        ParseResult parsed = root.Parse(["quic", .. args]);
        if (parsed.Errors.Count > 0)
        {
            throw new UsageException($"{parsed.Errors[0].Message} (causeway quic --help)");
        }

        await parsed.InvokeAsync(
            new InvocationConfiguration { Output = output, Error = output, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null },
            CancellationToken.None).ConfigureAwait(false);
        return result;
    }

    private static Command NewGet(Func<QuicGetOptions, Task> run)
    {
        Argument<string[]> urls = new("URL") { Description = "What to fetch: https://HOST:PORT/PATH", Arity = ArgumentArity.OneOrMore };
        Option<string?> ca = new("--ca") { Description = "A file of certificates in PEM that the server's chain may end in" };
        Option<bool> insecure = new("--insecure") { Description = "Take any certificate" };
        Option<string?> folder = new("--out") { Description = "A folder for the files; without it, only their lengths are told" };
        Option<string> alpn = new("--alpn") { Description = "h3 or hq-interop", DefaultValueFactory = static _ => "h3" };
        Option<string[]> ciphers = new("--ciphers") { Description = "Cipher suites by their names in TLS, separated by commas" };
        Option<string[]> groups = new("--groups") { Description = "Groups of the key exchange: X25519MLKEM768, X25519, P-256, P-384" };
        Option<bool> keyUpdate = new("--key-update") { Description = "Change keys after every twenty packets" };
        Option<string?> resume = new("--resume") { Description = "A file with the session of an earlier connection, which is replaced by the new one" };
        Option<bool> early = new("--early-data") { Description = "With a session of --resume: ask before the handshake (0-RTT)" };
        Option<bool> version2 = new("--v2") { Description = "Begin with QUIC v2" };
        Option<double?> rebind = new("--rebind")
        {
            Description = "Change the local port so many seconds after the server's first datagram, as a NAT does that forgot it",
            Validators = { static result => RequirePositive(result) },
        };
        Option<string?> keyLog = new("--keylog") { Description = "A file for the secrets, by which Wireshark reads the connection (SSLKEYLOGFILE)" };
        Option<string?> qlog = NewQlog();
        Option<bool> parallel = new("--one-by-one") { Description = "Fetch one file on a connection of its own after the other" };
        Command command = new("get", "Fetches files over QUIC")
        {
            urls, ca, insecure, folder, alpn, ciphers, groups, keyUpdate, resume, early, version2, rebind, keyLog, qlog, parallel,
        };
        command.SetAction((parsed, _) => run(new QuicGetOptions
        {
            Urls = [.. parsed.GetRequiredValue(urls).Select(ParseUrl)],
            CaFile = parsed.GetValue(ca),
            IsInsecure = parsed.GetValue(insecure),
            Folder = parsed.GetValue(folder),
            Alpn = parsed.GetRequiredValue(alpn) is "h3" or "hq-interop"
                ? parsed.GetRequiredValue(alpn)
                : throw new UsageException($"alpn is \"{parsed.GetRequiredValue(alpn)}\"; allowed: h3, hq-interop"),
            Ciphers = Split(parsed.GetValue(ciphers)),
            Groups = Split(parsed.GetValue(groups)),
            UpdatesKeys = parsed.GetValue(keyUpdate),
            SessionFile = parsed.GetValue(resume),
            AllowsEarlyData = parsed.GetValue(early),
            RebindAfter = parsed.GetValue(rebind) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            PrefersVersion2 = parsed.GetValue(version2),
            KeyLog = parsed.GetValue(keyLog) ?? Environment.GetEnvironmentVariable("SSLKEYLOGFILE"),
            QlogFolder = parsed.GetValue(qlog) ?? Environment.GetEnvironmentVariable("QLOGDIR"),
            IsOneByOne = parsed.GetValue(parallel),
        }));
        return command;
    }

    private static Command NewServe(Func<QuicServeOptions, Task> run)
    {
        Option<IPEndPoint> listen = new("--listen")
        {
            Description = "The address and port",
            Required = true,
            CustomParser = static result => IPEndPoint.TryParse(result.Tokens[0].Value, out IPEndPoint? parsed) ? parsed : Wrong(result),
        };
        Option<string> root = new("--root") { Description = "The folder whose files are served", Required = true };
        Option<string> certificate = new("--cert") { Description = "The certificate chain in PEM", Required = true };
        Option<string> key = new("--key") { Description = "Its private key in PEM", Required = true };
        Option<bool> retry = new("--retry") { Description = "Have every client prove its address first" };
        Option<string[]> ciphers = new("--ciphers") { Description = "Cipher suites by their names in TLS, separated by commas" };
        Option<bool> early = new("--early-data") { Description = "Answer what clients ask before the handshake (0-RTT)" };
        Option<bool> version2 = new("--v2") { Description = "Answer in QUIC v2 where the client knows it" };
        Option<string?> keyLog = new("--keylog") { Description = "A file for the secrets, by which Wireshark reads connections (SSLKEYLOGFILE)" };
        Option<string?> qlog = NewQlog();
        Command command = new("serve", "Serves a folder's files over QUIC, by HTTP/3 and HTTP/0.9")
        {
            listen, root, certificate, key, retry, ciphers, early, version2, keyLog, qlog,
        };
        command.SetAction((parsed, _) => run(new QuicServeOptions
        {
            Listen = parsed.GetRequiredValue(listen),
            Root = parsed.GetRequiredValue(root),
            CertificateFile = parsed.GetRequiredValue(certificate),
            KeyFile = parsed.GetRequiredValue(key),
            AlwaysRetries = parsed.GetValue(retry),
            Ciphers = Split(parsed.GetValue(ciphers)),
            AllowsEarlyData = parsed.GetValue(early),
            PrefersVersion2 = parsed.GetValue(version2),
            KeyLog = parsed.GetValue(keyLog) ?? Environment.GetEnvironmentVariable("SSLKEYLOGFILE"),
            QlogFolder = parsed.GetValue(qlog) ?? Environment.GetEnvironmentVariable("QLOGDIR"),
        }));
        return command;

        static IPEndPoint Wrong(ArgumentResult result)
        {
            result.AddError($"\"{result.Tokens[0].Value}\" is no address and port");
            return null!;
        }
    }

    private static void RequirePositive(OptionResult result)
    {
        if (result.GetValueOrDefault<double?>() is not (> 0 and <= 3600))
        {
            result.AddError("rebind must be from 0 to 3600 seconds, and more than 0");
        }
    }

    private static Option<string?> NewQlog() => new("--qlog") { Description = "A folder for a log of each connection's packets, for qvis and the like (QLOGDIR)" };

    private static string[] Split(string[]? values) =>
        [.. (values ?? []).SelectMany(static value => value.Split([',', ':'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    private static Uri ParseUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme == Uri.UriSchemeHttps
            ? url
            : throw new UsageException($"\"{text}\" is no URL that begins with https://");
}

/// <summary>What <c>causeway quic get</c> is told.</summary>
internal sealed record QuicGetOptions
{
    public required IReadOnlyList<Uri> Urls { get; init; }

    public string? CaFile { get; init; }

    public bool IsInsecure { get; init; }

    public string? Folder { get; init; }

    public required string Alpn { get; init; }

    public IReadOnlyList<string> Ciphers { get; init; } = [];

    public IReadOnlyList<string> Groups { get; init; } = [];

    public bool UpdatesKeys { get; init; }

    public string? SessionFile { get; init; }

    public bool AllowsEarlyData { get; init; }

    /// <summary>When the local port changes; null for never.</summary>
    public TimeSpan? RebindAfter { get; init; }

    public bool PrefersVersion2 { get; init; }

    public string? KeyLog { get; init; }

    public string? QlogFolder { get; init; }

    public bool IsOneByOne { get; init; }
}

/// <summary>What <c>causeway quic serve</c> is told.</summary>
internal sealed record QuicServeOptions
{
    public required IPEndPoint Listen { get; init; }

    public required string Root { get; init; }

    public required string CertificateFile { get; init; }

    public required string KeyFile { get; init; }

    public bool AlwaysRetries { get; init; }

    public bool AllowsEarlyData { get; init; }

    public IReadOnlyList<string> Ciphers { get; init; } = [];

    public bool PrefersVersion2 { get; init; }

    public string? KeyLog { get; init; }

    public string? QlogFolder { get; init; }
}
