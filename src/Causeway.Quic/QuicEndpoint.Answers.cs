using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>Answers to what belongs to no session. Each is shorter than what it answers, and nothing is kept for it.</content>
internal sealed partial class QuicEndpoint
{
    private readonly AnswerBudget _answerBudget;

    /// <inheritdoc/>
    public override void Refuse(GoodbyeReason reason)
    {
        Counters.HandshakesRefused++;
        if (MayAnswer())
        {
            _answer?.Release();
            _answer = NewClose(in _opening, TransportErrorCode.ConnectionRefused);
        }

        CancelOpening();
    }

    /// <inheritdoc/>
    public override PacketBuffer NewGoodbye(uint routingId, GoodbyeReason reason, bool isAnswer) =>
        throw new NotSupportedException("A QUIC session says by itself that it is over.");

    private Routing RouteUnknown(PacketBuffer datagram, in InvariantHeader header)
    {
        if (TryFindOther(header.DestinationId, isInitial: false, out Routing other))
        {
            return other;
        }

        Counters.Unknown++;
        Routing unknown = new(RoutingKind.UnknownSession, null, 0, IsFirst: false);
        if (datagram.Length <= StatelessReset.MinLength || !MayAnswer())
        {
            return unknown;
        }

        PacketBuffer reset = _settings.Link.Pool.Rent(_settings.Link.Headroom);
        Span<byte> room = reset.Append(StatelessReset.MaxLength);
        ConnectionId id = new(header.DestinationId);
        int length = StatelessReset.Write(room, datagram.Length, _resetKey.TokenOf(id), _settings.Random);
        Counters.ResetsSent++;
        SetAnswer(reset, length, datagram);
        return unknown;
    }

    private void AnswerVersions(PacketBuffer datagram, in InvariantHeader header)
    {
        Counters.OtherVersion++;

        // RFC 9000, 6.1: only what is long enough to begin a connection is answered. Ids may be up to 255 bytes (RFC 8999, 5.1).
        if (datagram.Length < QuicLimits.MinInitialDatagramSize)
        {
            return;
        }

        Span<byte> random = stackalloc byte[sizeof(ulong)];
        _settings.Random(random);
        PacketBuffer answer = _settings.Link.Pool.Rent(_settings.Link.Headroom);
        Span<byte> room = answer.Append(QuicLimits.MinInitialDatagramSize);
        int length = VersionNegotiationPacket.Write(room, in header, [.. _settings.Versions], BitConverter.ToUInt64(random));
        SetAnswer(answer, length, datagram);
    }

    private void AnswerRetry(PacketBuffer datagram)
    {
        Counters.RetriesSent++;
        ConnectionId sourceId = IdLength < FirstIdLength ? ConnectionId.CreateRandom(FirstIdLength, _settings.Random) : _ids.Next();
        Span<byte> token = stackalloc byte[AddressTokenKeys.TokenLength];
        _tokenKeys.WriteRetry(
            token, _opening.Version, datagram.Peer, _opening.OriginalDestinationId, sourceId, UnixTime, _settings.Random);
        PacketBuffer answer = _settings.Link.Pool.Rent(_settings.Link.Headroom);
        Span<byte> room = answer.Append(QuicLimits.MinInitialDatagramSize);
        int length = RetryPacket.Write(
            room, _opening.Version, _opening.SourceId, sourceId, _opening.OriginalDestinationId, token, sourceId.Span[0]);
        SetAnswer(answer, length, datagram);
    }

    private void AnswerClose(PacketBuffer datagram, TransportErrorCode code)
    {
        if (MayAnswer())
        {
            PacketBuffer answer = NewClose(in _opening, code);
            SetAnswer(answer, answer.Length, datagram);
        }
    }

    /// <summary>An Initial packet that ends an attempt for which there is no session (RFC 9000, 10.2.3).</summary>
    private PacketBuffer NewClose(in QuicOpening opening, TransportErrorCode code)
    {
        InitialKeys.Create(
            opening.Version, opening.DestinationId, Role, new ForgeryCount(), out PacketSealer sealer, out PacketOpener opener);
        opener.Dispose();
        PacketBuffer answer = _settings.Link.Pool.Rent(_settings.Link.Headroom);
        answer.Path = opening.Path;
        Span<byte> room = answer.Append(256);

        // The client's own choice is the source id, since no other one leads anywhere.
        int payloadOffset = PacketHeaderWriter.WriteLong(
            room, PacketType.Initial, opening.Version, setsFixedBit: true, opening.SourceId, opening.DestinationId, default,
            packetNumber: 0, packetNumberLength: 1);
        Span<byte> payload = room[payloadOffset..];
        int length = FrameWriter.ConnectionClose(payload, code, 0, default);
        int padded = Math.Max(length, PacketNumber.MaxLength);
        payload[length..padded].Clear();
        answer.Truncate(payloadOffset + padded + PacketAead.TagLength);
        PacketHeaderWriter.SetLength(answer.Payload, payloadOffset);
        sealer.TrySeal(answer.Payload, payloadOffset, 0);
        sealer.ProtectHeader(answer.Payload, payloadOffset);
        sealer.Dispose();
        return answer;
    }

    /// <summary>Whether an Initial packet is as its sender made it. It is of no use afterwards.</summary>
    private bool IsIntact(PacketBuffer datagram, in PacketHeader header)
    {
        InitialKeys.Create(
            _opening.Version, _opening.DestinationId, Role, new ForgeryCount(), out PacketSealer sealer, out PacketOpener opener);
        OpenStatus status = opener.TryOpen(
            datagram.Payload[..header.PacketLength], header.PacketNumberOffset, PacketNumber.None, out _);
        sealer.Dispose();
        opener.Dispose();
        return status == OpenStatus.Opened;
    }

    private bool MayAnswer()
    {
        bool may = _answerBudget.TryTake(Now);
        Counters.AnswersWithheld += may ? 0 : 1;
        return may;
    }

    private void SetAnswer(PacketBuffer answer, int length, PacketBuffer datagram)
    {
        if (length == 0)
        {
            answer.Release();
            return;
        }

        answer.Truncate(length);
        answer.Path = datagram.Path;
        _answer?.Release();
        _answer = answer;
    }
}
