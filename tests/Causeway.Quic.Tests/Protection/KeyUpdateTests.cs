using Causeway.Quic.Handshake;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Protection;

/// <summary>RFC 9001, 6.</summary>
public sealed class KeyUpdateTests
{
    private readonly End _client = new();
    private readonly End _server = new();

    public KeyUpdateTests()
    {
        byte[] clientSecret = [.. Enumerable.Range(0, 32).Select(static i => (byte)i)];
        byte[] serverSecret = [.. Enumerable.Range(100, 32).Select(static i => (byte)i)];
        _client.Start(clientSecret, serverSecret);
        _server.Start(serverSecret, clientSecret);
    }

    [Fact]
    public void NeitherEndUpdatesBeforeItMay()
    {
        Assert.False(_client.Keys.TryUpdate());
        _client.Keys.OnHandshakeConfirmed();
        Assert.False(_client.Keys.TryUpdate());
        _client.Send(_server);
        Assert.False(_client.Keys.TryUpdate());
        _server.Acknowledge(_client);
        Assert.True(_client.Keys.CanUpdate);
        Assert.True(_client.Keys.TryUpdate());
        Assert.Equal(HeaderBits.KeyPhase, _client.Keys.KeyPhaseBit);

        // And not again before it is answered, and the keys before are gone (6.1, 6.5).
        Assert.False(_client.Keys.TryUpdate());
        _client.Send(_server);
        _server.Acknowledge(_client);
        Assert.False(_client.Keys.TryUpdate());
        _client.Keys.DiscardPreviousKeys();
        Assert.True(_client.Keys.TryUpdate());
        _client.Send(_server);
        _client.Keys.DiscardPreviousKeys();
        Assert.False(_client.Keys.TryUpdate());
    }

    [Fact]
    public void BothEndsUpdateManyTimesInTurn()
    {
        _client.Keys.OnHandshakeConfirmed();
        _server.Keys.OnHandshakeConfirmed();
        for (int generation = 0; generation < 20; generation++)
        {
            (End first, End second) = generation % 3 == 0 ? (_client, _server) : (_server, _client);
            Assert.Equal(generation, first.Keys.Generation);
            Assert.Equal(OpenStatus.Opened, first.Send(second));
            Assert.Equal(OpenStatus.Opened, second.Send(first));
            first.Acknowledge(second);
            second.Acknowledge(first);
            Assert.True(first.Keys.TryUpdate());
            Assert.Equal(OpenStatus.Opened, first.Send(second));
            Assert.Equal(generation + 1, second.LastOpened.KeyGeneration);
            Assert.True(second.LastOpened.IsFirstOfGeneration);
            Assert.True(second.Keys.HasPreviousKeys);
            second.Acknowledge(first);
            Assert.True(first.LastOpened.IsFirstOfGeneration);
            Assert.Equal(generation + 1, first.LastOpened.KeyGeneration);
            first.Keys.DiscardPreviousKeys();
            second.Keys.DiscardPreviousKeys();
            Assert.False(first.Keys.HasPreviousKeys);
        }
    }

    [Fact]
    public void BothEndsUpdateAtOnce()
    {
        Confirm();
        Assert.True(_client.Keys.TryUpdate());
        Assert.True(_server.Keys.TryUpdate());
        Assert.Equal(OpenStatus.Opened, _client.Send(_server));
        Assert.Equal(OpenStatus.Opened, _server.Send(_client));
        Assert.Equal((1L, 1L), (_client.Keys.Generation, _server.Keys.Generation));
    }

    [Fact]
    public void PacketsFromBeforeAnUpdateOpenLate()
    {
        Confirm();
        byte[] late = _client.Make();
        byte[] later = _client.Make();
        Assert.True(_client.Keys.TryUpdate());
        Assert.Equal(OpenStatus.Opened, _client.Send(_server));
        Assert.Equal(OpenStatus.Opened, _server.Receive(late));
        Assert.Equal(0, _server.LastOpened.KeyGeneration);
        Assert.False(_server.LastOpened.IsFirstOfGeneration);
        Assert.Equal(1, _server.Keys.Generation);

        // After the keys are gone they do not, and are not taken for the next update.
        _server.Keys.DiscardPreviousKeys();
        Assert.Equal(OpenStatus.Dropped, _server.Receive(later));
        Assert.Equal(1, _server.Keys.Generation);
        Assert.Equal(1, _server.Forgeries.Value);
    }

    [Fact]
    public void PacketsBehindTheFirstOneOfAnUpdateOpenFirst()
    {
        Confirm();
        Assert.True(_client.Keys.TryUpdate());
        byte[] first = _client.Make();
        byte[] second = _client.Make();
        Assert.Equal(OpenStatus.Opened, _server.Receive(second));
        Assert.Equal(OpenStatus.Opened, _server.Receive(first));
        Assert.Equal(1, _server.LastOpened.KeyGeneration);
    }

    [Fact]
    public void WhoUpdatesStillOpensWhatThePeerSealedBefore()
    {
        Confirm();
        byte[] old = _server.Make();
        byte[] older = _server.Make();
        Assert.True(_client.Keys.TryUpdate());
        Assert.Equal(OpenStatus.Opened, _client.Receive(old));
        Assert.Equal(0, _client.LastOpened.KeyGeneration);
        Assert.Equal(OpenStatus.Opened, _client.Send(_server));
        Assert.Equal(OpenStatus.Opened, _server.Send(_client));
        Assert.Equal(1, _client.LastOpened.KeyGeneration);
        Assert.Equal(OpenStatus.Opened, _client.Receive(older));
        Assert.Equal(0, _client.LastOpened.KeyGeneration);
    }

    [Fact]
    public void AForgedKeyPhaseChangesNothing()
    {
        Confirm();
        byte[] packet = _client.Make();
        packet[0] ^= HeaderBits.KeyPhase;
        Assert.Equal(OpenStatus.Dropped, _server.Receive(packet));
        Assert.Equal(0, _server.Keys.Generation);
        Assert.Equal(OpenStatus.Opened, _client.Send(_server));
        Assert.True(_client.Keys.TryUpdate());
        Assert.Equal(OpenStatus.Opened, _client.Send(_server));
    }

    [Fact]
    public void AnUpdateThatNobodyAskedForIsAnError()
    {
        // The server never acknowledged anything, and yet the client updates (6.1).
        _client.Keys.OnHandshakeConfirmed();
        _client.Send(_server);
        _client.Keys.OnAcknowledged(0, 0);
        Assert.True(_client.Keys.TryUpdate());
        Assert.Equal(OpenStatus.KeyUpdateError, _client.Send(_server));
    }

    [Fact]
    public void ASecondUpdateBeforeTheFirstIsAcknowledgedIsAnError()
    {
        Confirm();
        Assert.True(_client.Keys.TryUpdate());
        Assert.Equal(OpenStatus.Opened, _client.Send(_server));
        _server.Keys.PrepareNextKeys();

        // The client believes what it was not told.
        _client.Keys.OnAcknowledged(_client.LastSealed, 1);
        _client.Keys.DiscardPreviousKeys();
        Assert.True(_client.Keys.TryUpdate());
        Assert.Equal(OpenStatus.KeyUpdateError, _client.Send(_server));
    }

    [Fact]
    public void OlderKeysBehindNewerOnesAreAnError()
    {
        // Packet 1 with new keys, packet 2 with old ones: whichever comes first (6.4).
        Confirm();
        ApplicationKeys old = new(new ForgeryCount());
        old.SetSealingSecret(CipherSuite.Aes128GcmSha256, QuicVersion.V1, [.. Enumerable.Range(0, 32).Select(static i => (byte)i)]);
        byte[] behind = End.Make(old, 100);
        Assert.True(_client.Keys.TryUpdate());
        Assert.Equal(OpenStatus.Opened, _server.Receive(behind));
        Assert.Equal(OpenStatus.KeyUpdateError, _client.Send(_server));
    }

    [Fact]
    public void NewerKeysBeforeOlderOnesAreAnErrorForWhoUpdates()
    {
        Confirm();
        byte[] old = _server.Make();
        byte[] older = _server.Make();
        Assert.True(_client.Keys.TryUpdate());
        Assert.Equal(OpenStatus.Opened, _client.Receive(older));
        Assert.True(_server.Keys.TryUpdate());

        // A packet with the number of one that came with older keys and a higher number.
        Assert.Equal(OpenStatus.KeyUpdateError, _client.Receive(End.Make(_server.Keys, _client.LastOpened.PacketNumber - 1)));
        Assert.NotEmpty(old);
    }

    [Fact]
    public void AnAcknowledgementOfNewKeysUnderOldOnesIsAnError()
    {
        Confirm();
        Assert.True(_client.Keys.TryUpdate());
        byte[] packet = _client.Make();
        Assert.NotEmpty(packet);
        Assert.True(_client.Keys.OnAcknowledged(_client.LastSealed - 1, generation: 0));
        Assert.False(_client.Keys.OnAcknowledged(_client.LastSealed, generation: 0));
        Assert.True(_client.Keys.OnAcknowledged(_client.LastSealed, generation: 1));
    }

    [Fact]
    public void TheNextUpdateWaitsForItsKeys()
    {
        Confirm();
        Assert.True(_client.Keys.TryUpdate());
        Assert.Equal(OpenStatus.Opened, _client.Send(_server));
        _server.Acknowledge(_client);
        _client.Keys.DiscardPreviousKeys();
        Assert.True(_client.Keys.TryUpdate());

        // The server did not prepare keys for it: the packet is lost, and the next one is not.
        Assert.Equal(OpenStatus.Dropped, _client.Send(_server));
        Assert.Equal(1, _server.Keys.Generation);
        _server.Keys.PrepareNextKeys();
        Assert.Equal(OpenStatus.Opened, _client.Send(_server));
        Assert.Equal(2, _server.Keys.Generation);
    }

    [Fact]
    public void TheKeysThatDoTheWorkOfMissingOnesOpenNothing()
    {
        // A packet of this phase's keys that says the other one, while there are no next keys.
        Confirm();
        Assert.True(_client.Keys.TryUpdate());
        Assert.Equal(OpenStatus.Opened, _client.Send(_server));
        byte[] packet = new byte[60];
        int payload = PacketHeaderWriter.WriteShort(packet, HeaderBits.Fixed, default, 1000, 4);
        Assert.True(_client.Keys.Sealer!.TrySeal(packet, payload, 1000));
        _client.Keys.Sealer.ProtectHeader(packet, payload);
        Assert.Equal(OpenStatus.Dropped, _server.Receive(packet));
        Assert.Equal(1, _server.Keys.Generation);
    }

    [Fact]
    public void ReservedBitsAreSeenOnceThePacketIsOpen()
    {
        byte[] packet = new byte[60];
        int payload = PacketHeaderWriter.WriteShort(packet, HeaderBits.Fixed, default, 0, 4);
        packet[0] |= 0x10;
        Assert.True(_client.Keys.TrySeal(packet, payload, 0));
        _client.Keys.Sealer!.ProtectHeader(packet, payload);
        Assert.Equal(OpenStatus.ReservedBits, _server.Receive(packet));
    }

    [Fact]
    public void ManyPacketsAskForAnUpdateAndAnUpdateStartsTheCountAgain()
    {
        End end = new(new AeadLimits(10, 100));
        byte[] secret = new byte[32];
        end.Start(secret, secret);
        for (int i = 0; i < 5; i++)
        {
            Assert.False(end.Keys.NeedsUpdate);
            end.Make();
        }

        Assert.True(end.Keys.NeedsUpdate);
        end.Keys.OnHandshakeConfirmed();
        Assert.True(end.Keys.OnAcknowledged(0, 0));
        Assert.True(end.Keys.TryUpdate());
        Assert.False(end.Keys.NeedsUpdate);
        for (int i = 0; i < 10; i++)
        {
            end.Make();
        }

        byte[] packet = new byte[60];
        packet[0] = end.Keys.KeyPhaseBit;
        Assert.False(end.Keys.TrySeal(packet, 20, 100));
    }

    [Fact]
    public void NothingIsOpenedOrSealedAfterDisposal()
    {
        Confirm();
        byte[] packet = _client.Make();
        _server.Keys.Dispose();
        Assert.False(_server.Keys.CanSeal);
        Assert.False(_server.Keys.CanOpen);
        Assert.Equal(OpenStatus.Dropped, _server.Receive(packet));
    }

    private void Confirm()
    {
        _client.Keys.OnHandshakeConfirmed();
        _server.Keys.OnHandshakeConfirmed();
        Assert.Equal(OpenStatus.Opened, _client.Send(_server));
        Assert.Equal(OpenStatus.Opened, _server.Send(_client));
        _client.Acknowledge(_server);
        _server.Acknowledge(_client);
    }

    private sealed class End
    {
        private long _next;
        private long _largestReceived = PacketNumber.None;

        public End(AeadLimits? limits = null) => Keys = new ApplicationKeys(Forgeries, limits);

        public ForgeryCount Forgeries { get; } = new();

        public ApplicationKeys Keys { get; }

        public OpenedPacket LastOpened { get; private set; }

        public long LastSealed => _next - 1;

        public static byte[] Make(ApplicationKeys keys, long number)
        {
            byte[] packet = new byte[60];
            int payload = PacketHeaderWriter.WriteShort(
                packet, (byte)(HeaderBits.Fixed | keys.KeyPhaseBit), default, number, 4);
            Assert.True(keys.TrySeal(packet, payload, number));
            keys.Sealer!.ProtectHeader(packet, payload);
            return packet;
        }

        public void Start(byte[] ownSecret, byte[] peerSecret)
        {
            Keys.SetSealingSecret(CipherSuite.Aes128GcmSha256, QuicVersion.V1, ownSecret);
            Keys.SetOpeningSecret(CipherSuite.Aes128GcmSha256, QuicVersion.V1, peerSecret);
        }

        public byte[] Make() => Make(Keys, _next++);

        public OpenStatus Send(End peer) => peer.Receive(Make());

        public OpenStatus Receive(byte[] packet)
        {
            OpenStatus status = Keys.TryOpen(packet, 1, _largestReceived, out OpenedPacket opened);
            if (status == OpenStatus.Opened)
            {
                LastOpened = opened;
                _largestReceived = Math.Max(_largestReceived, opened.PacketNumber);
            }

            return status;
        }

        /// <summary>Sends a packet that acknowledges all that came from the peer.</summary>
        public void Acknowledge(End peer)
        {
            Keys.OnAcknowledgementSealed(_largestReceived);
            Assert.Equal(OpenStatus.Opened, Send(peer));
            Assert.True(peer.Keys.OnAcknowledged(_largestReceived, peer.LastOpened.KeyGeneration));
        }
    }
}
