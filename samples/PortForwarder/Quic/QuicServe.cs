using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Causeway.Http3;
using Causeway.PortForwarder.Forward;
using Causeway.PortForwarder.Output;
using Causeway.Quic;

namespace Causeway.PortForwarder.Quic;

/// <summary><c>causeway quic serve</c>: a folder's files over QUIC.</summary>
internal static class QuicServe
{
    public static async Task<int> RunAsync(QuicServeOptions options, LineQueue errors, CancellationToken stop)
    {
        StaticFiles files = OpenRoot(options.Root);
        X509Certificate2 certificate = LoadCertificate(options);
        QuicProfile profile = new()
        {
            ServerAuthentication = new SslServerAuthenticationOptions
            {
                ApplicationProtocols = [Alpn.Http3, Alpn.Hq],
                ServerCertificateContext = SslStreamCertificateContext.Create(certificate, Chain(options.CertificateFile), offline: true),
                CipherSuitesPolicy = Alpn.Policy(options.Ciphers),
            },
            AddressValidation = options.AlwaysRetries ? AddressValidationMode.Always : AddressValidationMode.UnderLoad,
            AllowsEarlyData = options.AllowsEarlyData,
            PrefersVersion2 = options.PrefersVersion2,
            KeyLog = KeyLogFile.Open(options.KeyLog),
            Qlog = QlogFolder.Open(options.QlogFolder),
            IdleTimeout = TimeSpan.FromSeconds(30),
        };
        await using CausewayListener listener = await CausewayListener.ListenAsync(
            new CausewayListenerOptions { Profile = profile, ListenEndPoint = options.Listen }, stop).ConfigureAwait(false);
        errors.Add($"serving {options.Root} on {listener.LocalEndPoint}", stamped: true);
        using CancellationTokenSource stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using StopSignals signals = new(static () => { }, reopen: null, stop);
        Task accepting = AcceptAsync(listener, files, errors, stopping.Token);
        await signals.Stopped.ConfigureAwait(false);
        await stopping.CancelAsync().ConfigureAwait(false);
        await accepting.ConfigureAwait(false);
        return CommandLine.Success;
    }

    private static async Task AcceptAsync(CausewayListener listener, StaticFiles files, LineQueue errors, CancellationToken stop)
    {
        Http3Server http3 = new(files.RespondAsync);
        HqServer hq = new(files);
        try
        {
            while (true)
            {
                CausewayConnection connection = await listener.AcceptConnectionAsync(stop).ConfigureAwait(false);
                errors.Add($"{connection.RemoteEndPoint}: {connection.NegotiatedApplicationProtocol}", stamped: true);
                _ = ServeAsync(connection, http3, hq, errors, stop);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or TransportException)
        {
            // Stopped.
        }
    }

    private static async Task ServeAsync(
        CausewayConnection connection, Http3Server http3, HqServer hq, LineQueue errors, CancellationToken stop)
    {
        try
        {
            if (connection.NegotiatedApplicationProtocol == Alpn.Hq)
            {
                await hq.ServeAsync(connection, stop).ConfigureAwait(false);
            }
            else if (await http3.ServeAsync(connection, stop).ConfigureAwait(false) is { } failure)
            {
                errors.Add($"{connection.RemoteEndPoint}: {failure.Message}", stamped: true);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or IOException)
        {
            errors.Add($"{connection.RemoteEndPoint}: {error.Message}", stamped: true);
        }
    }

    private static StaticFiles OpenRoot(string root)
    {
        try
        {
            return new StaticFiles(root);
        }
        catch (Exception error) when (error is ArgumentException or IOException)
        {
            throw new UsageException($"root is \"{root}\": {error.Message}", error);
        }
    }

    private static X509Certificate2 LoadCertificate(QuicServeOptions options)
    {
        try
        {
            return X509Certificate2.CreateFromPemFile(options.CertificateFile, options.KeyFile);
        }
        catch (Exception error) when (error is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"cert and key cannot be used: {error.Message}", error);
        }
    }

    private static X509Certificate2Collection Chain(string file)
    {
        X509Certificate2Collection chain = [];
        chain.ImportFromPemFile(file);
        if (chain.Count > 0)
        {
            chain.RemoveAt(0);
        }

        return chain;
    }
}
