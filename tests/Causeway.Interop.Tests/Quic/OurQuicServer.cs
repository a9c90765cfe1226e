using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Causeway.Http3;
using Causeway.Quic;

namespace Causeway.Interop.Tests.Quic;

/// <summary>Our server of files, by HTTP/3 and HTTP/0.9.</summary>
internal sealed class OurQuicServer : IAsyncDisposable
{
    private readonly CausewayListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<QuicStatistics> _connections = [];
    private readonly Task _accepting;

    private OurQuicServer(CausewayListener listener, InteropFiles files)
    {
        _listener = listener;
        _accepting = AcceptAsync(new StaticFiles(files.Root));
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint;

    /// <summary>The connections until now, in the order of their handshakes.</summary>
    public IReadOnlyList<QuicStatistics> Connections
    {
        get
        {
            lock (_connections)
            {
                return [.. _connections];
            }
        }
    }

    public static async Task<OurQuicServer> StartAsync(
        InteropFiles files,
        IPEndPoint listen,
        QuicScenario scenario,
        Func<Links.DatagramLinkBuilder, Links.DatagramLinkBuilder>? configureLink)
    {
        X509Certificate2 certificate = X509Certificate2.CreateFromPemFile(files.CertificateFile, files.KeyFile);
        QuicProfile profile = scenario.Profile(new QuicProfile
        {
            ServerAuthentication = new SslServerAuthenticationOptions
            {
                ApplicationProtocols = [OurQuicClient.Http3, OurQuicClient.Hq],
                ServerCertificateContext = SslStreamCertificateContext.Create(certificate, [], offline: true),
                CipherSuitesPolicy = OurQuicClient.Policy(scenario.CipherSuite),
            },
            AddressValidation = AddressValidationMode.Never,
            HandshakeTimeout = OurQuicClient.Patience,
            IdleTimeout = OurQuicClient.Patience,
            Qlog = QuicPrograms.Qlog,

            // As many as ngtcp2's server allows, so that whoever fetches more files than this has to wait for more.
            MaxInboundBidirectionalStreams = 100,
        });
        return new OurQuicServer(
            await CausewayListener.ListenAsync(new CausewayListenerOptions
            {
                Profile = profile,
                ListenEndPoint = listen,
                ConfigureLink = configureLink,
                CloseTimeout = TimeSpan.FromMilliseconds(500),
            }),
            files);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _listener.DisposeAsync();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync(StaticFiles files)
    {
        Http3Server http3 = new(files.RespondAsync);
        HqServer hq = new(files);
        List<Task> serving = [];
        try
        {
            while (true)
            {
                CausewayConnection connection = await _listener.AcceptConnectionAsync(_stop.Token);
                lock (_connections)
                {
                    _connections.Add((QuicStatistics)connection.Statistics.Transport);
                }

                serving.Add(connection.NegotiatedApplicationProtocol == OurQuicClient.Hq
                    ? hq.ServeAsync(connection, _stop.Token)
                    : http3.ServeAsync(connection, _stop.Token));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or TransportException or ObjectDisposedException)
        {
            // What a connection ended with is seen at its client.
            await Task.WhenAll(serving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
