using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Causeway.Http3;
using Causeway.Quic;

namespace Causeway.Interop.Tests.Quic;

/// <summary>Our client: one connection that fetches files, all at the same time.</summary>
internal static class OurQuicClient
{
    /// <summary>How long a connection may make no progress. Nothing here is about time, so it is longer than any fault.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static SslApplicationProtocol Http3 { get; } = new("h3");

    public static SslApplicationProtocol Hq { get; } = new("hq-interop");

    public static CipherSuitesPolicy? Policy(TlsCipherSuite? suite) =>
        suite is { } one && !OperatingSystem.IsWindows() ? new CipherSuitesPolicy([one]) : null;

    public static QuicProfile NewProfile(InteropFiles files, SslApplicationProtocol protocol, QuicScenario scenario)
    {
        X509ChainPolicy trust = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.ImportFromPemFile(files.AuthorityFile);
        return scenario.Profile(new QuicProfile
        {
            ClientAuthentication = new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                ApplicationProtocols = [protocol],
                CertificateChainPolicy = trust,
                CipherSuitesPolicy = Policy(scenario.CipherSuite),
            },
            HandshakeTimeout = Patience,
            IdleTimeout = Patience,
            Qlog = QuicPrograms.Qlog,
        });
    }

    /// <summary>Fetches files, and writes them into a folder.</summary>
    /// <param name="options">How to connect.</param>
    /// <param name="protocol">What is spoken.</param>
    /// <param name="names">Which files.</param>
    /// <param name="folder">Where they go.</param>
    /// <param name="onConnected">Is told of the connection as soon as there is one: a failure should show how one that hangs stands.</param>
    /// <param name="untilDone">What is waited for before the connection is closed, once the files have arrived.</param>
    /// <param name="limit">When to give up.</param>
    public static async Task FetchAsync(
        CausewayClientOptions options,
        SslApplicationProtocol protocol,
        IReadOnlyList<string> names,
        string folder,
        Action<QuicStatistics> onConnected,
        Func<QuicStatistics, bool> untilDone,
        CancellationToken limit)
    {
        await using CausewayConnection connection = await CausewayConnection.ConnectAsync(options, limit);
        QuicStatistics statistics = (QuicStatistics)connection.Statistics.Transport;
        onConnected(statistics);
        using HttpMessageInvoker? http = protocol == Http3
            ? new HttpMessageInvoker(new Http3ClientHandler((_, _) => ValueTask.FromResult(connection)))
            : null;
        await Task.WhenAll(names.Select(async name =>
        {
            await using Stream body = http is null
                ? await HqClient.GetAsync(connection, "/" + name, limit)
                : await GetAsync(http, new Uri($"https://localhost/{name}"), limit);
            await using FileStream file = File.Create(Path.Combine(folder, name));
            await body.CopyToAsync(file, limit);
        }));
        while (!untilDone(statistics))
        {
            await Task.Delay(10, limit);
        }
    }

    private static async Task<Stream> GetAsync(HttpMessageInvoker http, Uri uri, CancellationToken limit)
    {
        HttpResponseMessage response = await http.SendAsync(new HttpRequestMessage(HttpMethod.Get, uri), limit);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStreamAsync(limit);
    }
}
