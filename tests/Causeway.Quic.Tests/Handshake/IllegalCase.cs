using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>A breach by one end, and the alert that the RFC names for it.</summary>
internal sealed record IllegalCase(
    string Name, EndpointRole Breaker, HandshakeType Message, AlertDescription Alert, Func<byte[], byte[]> Edit)
{
    /// <summary>Which message of the type is changed, from 0.</summary>
    public int Occurrence { get; init; }

    public TlsClientOptions Client { get; init; } = HandshakePair.ClientOptions();

    public TlsServerOptions Server { get; init; } = HandshakePair.ServerOptions();

    /// <summary>The transport error, where it is not CRYPTO_ERROR.</summary>
    public TransportErrorCode? ErrorCode { get; init; }

    /// <summary>
    /// Runs a handshake in which the message is changed on the way, and expects the alert at the other end.
    /// </summary>
    public void Check()
    {
        using HandshakePair pair = new(Client, Server);
        int seen = 0;
        pair.OnTheWay = (from, _, bytes) =>
        {
            if (from != Breaker || MessageEditor.TypeOf(bytes) != Message || seen++ != Occurrence)
            {
                return bytes;
            }

            return Edit(bytes);
        };
        pair.Run();
        Assert.True(seen > Occurrence, "the message that the case changes was not sent");
        Tls13Handshake victim = Breaker == EndpointRole.Client ? pair.Server : pair.Client;
        Assert.NotNull(victim.Failure);
        Assert.Equal(Alert, (AlertDescription)victim.Failure.Alert);
        Assert.Equal(ErrorCode ?? TransportErrorCode.CryptoError + (byte)Alert, victim.Failure.ErrorCode);
        Assert.False(victim.IsComplete && Message != HandshakeType.NewSessionTicket);
        Assert.False(victim.TryReadEvent(out HandshakeEvent _));
    }
}
