using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Tls13;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>
/// Early data (RFC 9001, 4.6): what a client sends before it hears of the server, under the limits that it remembers. Whoever records
/// it can send it again, so that only streams go early which the application marked.
/// </content>
internal sealed partial class QuicSession
{
    private TransportParameters? _remembered;
    private bool _isEarlyRefused;

    /// <inheritdoc/>
    public override bool IsEarly => !IsEstablished && (Role == EndpointRole.Client ? OffersEarlyData : IsEarlyDataAccepted == true);

    /// <summary>Whether early data was sent, or may be.</summary>
    public bool OffersEarlyData => _remembered is not null;

    /// <summary>Whether the server took the early data, at either end; null before that is known, or if none was offered.</summary>
    public bool? IsEarlyDataAccepted { get; private set; }

    /// <summary>Whether a client seals what it sends with 0-RTT keys, for want of others.</summary>
    private bool SealsEarly => _sealers[(int)EncryptionLevel.EarlyData] is not null && !_application.CanSeal;

    private void BeginEarlyData()
    {
        TransportParameters remembered = new();
        if (_handshake is not Tls13Client client
            || !TransportParameterCodec.TryRead(client.RememberedTransportParameters.Span, EndpointRole.Server, remembered, out _))
        {
            // What is remembered is our own: if it does not parse, there is no early data.
            ForgetEarlyKeys();
            return;
        }

        _remembered = remembered;
        _applicationProtocol = client.RememberedApplicationProtocol;
        _streams.BeginEarly(LimitsOf(remembered));
    }

    private void OnEarlyDataAccepted()
    {
        IsEarlyDataAccepted = true;
        _applicationProtocol = _handshake!.ApplicationProtocol;
        Statistics.EarlyDataAccepted = true;
    }

    private void OnEarlyDataRejected(Timestamp now)
    {
        _ = now;
        _isEarlyRefused = true;
        IsEarlyDataAccepted = false;
        ForgetEarlyData();
    }

    /// <summary>What was sent early never was, and the limits that it was sent under do not count (RFC 9001, 4.6.2).</summary>
    private void ForgetEarlyData()
    {
        if (_remembered is null)
        {
            return;
        }

        _remembered = null;
        ForgetEarlyKeys();
        _recovery.ForgetAll(PacketSpaceId.Application);
        _streams.OnEarlyRejected(_hasPeerParameters ? LimitsOf(_peerParameters) : default);
    }

    // The 1-RTT keys are there: 0-RTT keys seal nothing any more (RFC 9001, 4.9.3).
    private void EndEarlyData()
    {
        if (Role == EndpointRole.Client)
        {
            ForgetEarlyKeys();
            _streams.EndEarly();
        }
    }

    private void ForgetEarlyKeys()
    {
        PacketSealer? sealer = _sealers[(int)EncryptionLevel.EarlyData];
        sealer?.FlushHeaders();
        sealer?.Dispose();
        if (sealer is not null)
        {
            _qlog?.KeysDiscarded(EncryptionLevel.EarlyData, -1, _now);
        }

        _sealers[(int)EncryptionLevel.EarlyData] = null;
    }

    /// <summary>A server that takes early data must not lower the limits that it was sent under (RFC 9000, 7.4.1).</summary>
    private void CheckRememberedLimits(Timestamp now)
    {
        if (IsEarlyDataAccepted != true || _remembered is not { } before)
        {
            return;
        }

        TransportParameters after = _peerParameters;
        if (after.InitialMaxData < before.InitialMaxData
            || after.InitialMaxStreamDataBidirectionalLocal < before.InitialMaxStreamDataBidirectionalLocal
            || after.InitialMaxStreamDataBidirectionalRemote < before.InitialMaxStreamDataBidirectionalRemote
            || after.InitialMaxStreamDataUnidirectional < before.InitialMaxStreamDataUnidirectional
            || after.InitialMaxStreamsBidirectional < before.InitialMaxStreamsBidirectional
            || after.InitialMaxStreamsUnidirectional < before.InitialMaxStreamsUnidirectional
            || after.ActiveConnectionIdLimit < before.ActiveConnectionIdLimit
            || after.MaxDatagramFrameSize < before.MaxDatagramFrameSize)
        {
            Fail(
                new QuicError(
                    TransportErrorCode.ProtocolViolation, "The server took early data and lowered the limits that it was sent under."),
                now);
        }
    }
}
