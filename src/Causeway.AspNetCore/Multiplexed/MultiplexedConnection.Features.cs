using System.Buffers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Causeway.AspNetCore.Multiplexed;

/// <content>What Kestrel and applications find among a connection's features.</content>
internal sealed partial class MultiplexedConnection :
    IConnectionIdFeature,
    IConnectionItemsFeature,
    IConnectionLifetimeFeature,
    IConnectionEndPointFeature,
    IMemoryPoolFeature,
    IProtocolErrorCodeFeature,
    ITlsConnectionFeature,
    ITlsHandshakeFeature,
    ICausewayConnectionFeature
{
    private static readonly Type[] s_features =
    [
        typeof(IConnectionIdFeature), typeof(IConnectionItemsFeature), typeof(IConnectionLifetimeFeature),
        typeof(IConnectionEndPointFeature), typeof(IMemoryPoolFeature), typeof(IProtocolErrorCodeFeature),
        typeof(ITlsConnectionFeature), typeof(ITlsHandshakeFeature), typeof(ICausewayConnectionFeature),
    ];

    private X509Certificate2? _clientCertificate;
    private bool _isCertificateKnown;
    private long? _error;

    /// <inheritdoc/>
    public CausewayConnection Connection =>
        _connection ?? throw new InvalidOperationException("The handshake of the connection is not complete.");

    /// <inheritdoc/>
    public MemoryPool<byte> MemoryPool { get; }

    /// <summary>The code that the connection ends with, or was ended with; -1 for none yet.</summary>
    public long Error
    {
        get => _error ?? -1;
        set => _error = value;
    }

    /// <inheritdoc/>
    public string HostName { get; }

    /// <inheritdoc/>
    public SslProtocols Protocol => SslProtocols.Tls13;

    /// <inheritdoc/>
    public TlsCipherSuite? NegotiatedCipherSuite => _connection?.NegotiatedCipherSuite;

    // TLS 1.3 has none of what follows apart from the cipher suite; .NET keeps the members for applications of old.
#pragma warning disable SYSLIB0058 // The interface demands them.
    CipherAlgorithmType ITlsHandshakeFeature.CipherAlgorithm => NegotiatedCipherSuite switch
    {
        TlsCipherSuite.TLS_AES_128_GCM_SHA256 => CipherAlgorithmType.Aes128,
        TlsCipherSuite.TLS_AES_256_GCM_SHA384 => CipherAlgorithmType.Aes256,
        _ => CipherAlgorithmType.None,
    };

    int ITlsHandshakeFeature.CipherStrength => NegotiatedCipherSuite switch
    {
        TlsCipherSuite.TLS_AES_128_GCM_SHA256 => 128,
        TlsCipherSuite.TLS_AES_256_GCM_SHA384 or TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256 => 256,
        _ => 0,
    };

    HashAlgorithmType ITlsHandshakeFeature.HashAlgorithm => HashAlgorithmType.None;

    int ITlsHandshakeFeature.HashStrength => 0;

    ExchangeAlgorithmType ITlsHandshakeFeature.KeyExchangeAlgorithm => ExchangeAlgorithmType.None;

    int ITlsHandshakeFeature.KeyExchangeStrength => 0;
#pragma warning restore SYSLIB0058

    /// <summary>The certificate that the client showed; null if it showed none, or was not asked.</summary>
    public X509Certificate2? ClientCertificate
    {
        get
        {
            lock (_gate)
            {
                if (!_isCertificateKnown)
                {
                    _clientCertificate = _connection?.GetRemoteCertificate();
                    _isCertificateKnown = _connection is not null;
                }

                return _clientCertificate;
            }
        }

        set
        {
            lock (_gate)
            {
                (_clientCertificate, _isCertificateKnown) = (value, true);
            }
        }
    }

    /// <summary>The same: TLS over QUIC asks for a certificate in the handshake only (RFC 9001, 4.4).</summary>
    public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult(ClientCertificate);
}
