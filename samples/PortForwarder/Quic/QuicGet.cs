using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Causeway.Http3;
using Causeway.PortForwarder.Forward;
using Causeway.PortForwarder.Output;
using Causeway.Quic;

namespace Causeway.PortForwarder.Quic;

/// <summary><c>causeway quic get</c>: fetches files over QUIC. Succeeds only if every file arrived whole.</summary>
internal static class QuicGet
{
    public static async Task<int> RunAsync(QuicGetOptions options, LineQueue errors, CancellationToken stop)
    {
        QuicProfile profile = NewProfile(options);
        if (options.Folder is { } folder)
        {
            Directory.CreateDirectory(folder);
        }

        bool isWhole = true;
        IEnumerable<IReadOnlyList<Uri>> connections = options.IsOneByOne
            ? options.Urls.Select(static url => (IReadOnlyList<Uri>)[url])
            : options.Urls.GroupBy(static url => url.Authority).Select(static group => (IReadOnlyList<Uri>)[.. group]);
        foreach (IReadOnlyList<Uri> urls in connections)
        {
            profile = WithSession(profile, options);
            isWhole &= await FetchAsync(urls, profile, options, errors, stop).ConfigureAwait(false);
        }

        return isWhole ? CommandLine.Success : CommandLine.Failed;
    }

    private static QuicProfile NewProfile(QuicGetOptions options)
    {
        SslClientAuthenticationOptions authentication = new()
        {
            TargetHost = options.Urls[0].IdnHost,
            ApplicationProtocols = [new SslApplicationProtocol(options.Alpn)],
            CipherSuitesPolicy = Alpn.Policy(options.Ciphers),
        };
        if (options.IsInsecure)
        {
            // That is what the user asked for, by this name.
#pragma warning disable CA5359
            authentication.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (options.CaFile is { } file)
        {
            authentication.CertificateChainPolicy = TrustOnly(file);
        }

        return new QuicProfile
        {
            ClientAuthentication = authentication,
            PrefersVersion2 = options.PrefersVersion2,
            KeyLog = KeyLogFile.Open(options.KeyLog),
            Qlog = QlogFolder.Open(options.QlogFolder),
            KeyExchangeGroups = options.Groups.Count > 0 ? options.Groups : QuicProfile.DefaultKeyExchangeGroups,
            KeyUpdateInterval = options.UpdatesKeys ? 20 : 0,
        };
    }

    private static X509ChainPolicy TrustOnly(string file)
    {
        try
        {
            X509ChainPolicy policy = new()
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            policy.CustomTrustStore.ImportFromPemFile(file);
            return policy;
        }
        catch (Exception error) when (error is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"ca is \"{file}\": {error.Message}", error);
        }
    }

    private static QuicProfile WithSession(QuicProfile profile, QuicGetOptions options) =>
        options.SessionFile is { } file && File.Exists(file)
            ? profile with { ResumptionTicket = File.ReadAllBytes(file), AllowsEarlyData = options.AllowsEarlyData }
            : profile;

    private static async Task<bool> FetchAsync(
        IReadOnlyList<Uri> urls, QuicProfile profile, QuicGetOptions options, LineQueue errors, CancellationToken stop)
    {
        CausewayClientOptions client = new()
        {
            Profile = profile,
            RemoteEndPoint = IPAddress.TryParse(urls[0].Host.Trim('[', ']'), out IPAddress? address)
                ? new IPEndPoint(address, urls[0].Port)
                : new DnsEndPoint(urls[0].IdnHost, urls[0].Port),
        };
        if (options.RebindAfter is { } delay)
        {
            client = await WithRebindingAsync(client, delay, stop).ConfigureAwait(false);
        }

        CausewayConnection connection = await CausewayConnection.ConnectAsync(client, stop).ConfigureAwait(false);
        QuicStatistics statistics = (QuicStatistics)connection.Statistics.Transport;
        using HttpMessageInvoker? http = options.Alpn == "h3"
            ? new HttpMessageInvoker(new Http3ClientHandler((_, _) => ValueTask.FromResult(connection)))
            : null;
        bool[] results = await Task.WhenAll(urls.Select(url => FetchOneAsync(connection, http, url, options, errors, stop))).ConfigureAwait(false);
        string handshake = (statistics.IsResumed, statistics.EarlyDataAccepted) switch
        {
            (true, true) => "resumed with early data",
            (true, false) => "resumed",
            _ => "full handshake",
        };
        string summary = string.Create(
            CultureInfo.InvariantCulture,
            $"{connection.RemoteEndPoint}: QUIC {statistics.Version}, {handshake} in {statistics.HandshakeMicroseconds / 1000.0:0.0} ms, {statistics.CipherSuite}, {statistics.KeyExchangeGroup}, packets sent {statistics.PacketsSent} received {statistics.PacketsReceived} lost {statistics.PacketsLost}, key updates {statistics.KeyUpdates}, retries {statistics.Retries}");
        await SaveSessionAsync(statistics, options).ConfigureAwait(false);
        errors.Add(summary, stamped: false);

        // First the handler: HTTP/3 closes with a code of its own, and its control streams stay open to the end (RFC 9114, 6.2.1).
        http?.Dispose();
        await connection.DisposeAsync().ConfigureAwait(false);
        return Array.TrueForAll(results, static result => result);
    }

    private static async Task<CausewayClientOptions> WithRebindingAsync(CausewayClientOptions client, TimeSpan delay, CancellationToken stop)
    {
        IPEndPoint remote = client.RemoteEndPoint is DnsEndPoint name
            ? new IPEndPoint((await Dns.GetHostAddressesAsync(name.Host, stop).ConfigureAwait(false))[0], name.Port)
            : (IPEndPoint)client.RemoteEndPoint;
        return client with
        {
            RemoteEndPoint = remote,
            ConfigureLink = builder => builder.Use(before => new RebindingLink(before, remote, delay)),
        };
    }

    private static async Task<bool> FetchOneAsync(
        CausewayConnection connection, HttpMessageInvoker? http, Uri url, QuicGetOptions options, LineQueue errors, CancellationToken stop)
    {
        long begun = Stopwatch.GetTimestamp();
        try
        {
            long? promised = null;
            Stream body;
            if (http is not null)
            {
                HttpRequestMessage request = new(HttpMethod.Get, url) { Version = HttpVersion.Version30 };
                HttpResponseMessage response = await http.SendAsync(request, stop).ConfigureAwait(false);
                if (response.StatusCode != HttpStatusCode.OK)
                {
                    errors.Add($"{url}: {(int)response.StatusCode}", stamped: false);
                    return false;
                }

                promised = response.Content.Headers.ContentLength;
                body = await response.Content.ReadAsStreamAsync(stop).ConfigureAwait(false);
            }
            else
            {
                body = await HqClient.GetAsync(connection, url.PathAndQuery, stop).ConfigureAwait(false);
            }

            long length;
            await using (body.ConfigureAwait(false))
            {
                Stream target = options.Folder is { } folder
                    ? File.Create(Path.Combine(folder, Path.GetFileName(url.AbsolutePath) is { Length: > 0 } name ? name : "index.html"))
                    : new LengthStream();
                await using (target.ConfigureAwait(false))
                {
                    await body.CopyToAsync(target, stop).ConfigureAwait(false);
                    length = target.Length;
                }
            }

            double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            errors.Add(
                string.Create(CultureInfo.InvariantCulture, $"{url}: {length} bytes in {seconds:0.000} s, {length * 8 / 1e6 / seconds:0.0} Mbit/s"),
                stamped: false);
            return promised is null || promised == length;
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            errors.Add($"{url}: {(error.InnerException ?? error).Message}", stamped: false);
            return false;
        }
    }

    // A ticket comes a moment after the handshake; files that arrived show that the moment is over.
    private static async Task SaveSessionAsync(QuicStatistics statistics, QuicGetOptions options)
    {
        if (options.SessionFile is { } file && statistics.ResumptionTicket is { Length: > 0 } ticket)
        {
            await File.WriteAllBytesAsync(file, ticket.ToArray()).ConfigureAwait(false);
        }
    }

    /// <summary>Counts bytes and forgets them.</summary>
    private sealed class LengthStream : Stream
    {
        private long _length;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _length;

        public override long Position { get => _length; set => throw new NotSupportedException("It only counts."); }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("It only counts.");

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("It only counts.");

        public override void SetLength(long value) => throw new NotSupportedException("It only counts.");

        public override void Write(byte[] buffer, int offset, int count) => _length += count;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _length += buffer.Length;
            return ValueTask.CompletedTask;
        }
    }
}
