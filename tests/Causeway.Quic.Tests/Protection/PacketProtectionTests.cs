using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Protection;

public sealed class PacketProtectionTests
{
    private static readonly ConnectionId s_id = new([1, 2, 3, 4, 5, 6, 7, 8]);

    public static TheoryData<int> Suites() =>
        [(int)CipherSuite.Aes128GcmSha256, (int)CipherSuite.Aes256GcmSha384, (int)CipherSuite.ChaCha20Poly1305Sha256];

    [Theory]
    [MemberData(nameof(Suites))]
    public void WhatIsSealedIsOpenedWhateverItsLength(int suiteNumber)
    {
        foreach (QuicVersion version in (QuicVersion[])[QuicVersion.V1, QuicVersion.V2])
        {
            (PacketSealer sealer, PacketOpener opener, _) = NewPair((CipherSuite)suiteNumber, version);
            for (int numberLength = 1; numberLength <= 4; numberLength++)
            {
                for (int length = 4 - numberLength; length < 300; length += 1 + (length / 20))
                {
                    byte[] payload = Payload(length);
                    byte[] packet = Seal(sealer, version, payload, 0x1234, numberLength);
                    OpenStatus status = Open(opener, packet, 0x1233, out OpenedPacket opened);
                    Assert.Equal(OpenStatus.Opened, status);
                    Assert.Equal(0x1234, opened.PacketNumber);
                    Assert.Equal(payload, packet.AsSpan(opened.PayloadOffset, opened.PayloadLength).ToArray());
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void ForgedPacketsAreDroppedCountedAndWiped(int suiteNumber)
    {
        (PacketSealer sealer, PacketOpener opener, ForgeryCount forgeries) = NewPair((CipherSuite)suiteNumber, QuicVersion.V1);
        byte[] payload = Payload(30);
        byte[] packet = Seal(sealer, QuicVersion.V1, payload, 7, 2);
        Assert.True(PacketHeader.TryRead(packet, 8, false, out PacketHeader header));
        int packetNumberOffset = header.PacketNumberOffset;
        long expected = 0;
        for (int at = 0; at < packet.Length; at++)
        {
            byte[] forged = [.. packet];
            forged[at] ^= 0x40;
            byte[] tail = forged[^PacketAead.TagLength..];
            Assert.Equal(OpenStatus.Dropped, opener.TryOpen(forged, packetNumberOffset, 6, out _));
            Assert.Equal(++expected, forgeries.Value);
            Assert.DoesNotContain(payload[10..20], Slices(forged, 10));

            // A stateless reset is recognised by these (RFC 9000, 10.3.1).
            Assert.Equal(tail, forged[^PacketAead.TagLength..]);
        }

        Assert.Equal(OpenStatus.Opened, Open(opener, packet, 6, out _));
        Assert.Equal(expected, forgeries.Value);
    }

    [Fact]
    public void PacketsWithoutASampleAreDropped()
    {
        (PacketSealer sealer, PacketOpener opener, ForgeryCount forgeries) =
            NewPair(CipherSuite.Aes128GcmSha256, QuicVersion.V1);
        byte[] packet = Seal(sealer, QuicVersion.V1, Payload(3), 7, 1);
        Assert.True(PacketHeader.TryRead(packet, 8, false, out PacketHeader header));
        for (int length = header.PacketNumberOffset; length < packet.Length; length++)
        {
            Assert.Equal(
                OpenStatus.Dropped, opener.TryOpen(packet.AsSpan(0, length), header.PacketNumberOffset, 6, out _));
        }

        Assert.Equal(0, forgeries.Value);
        Assert.Equal(OpenStatus.Opened, Open(opener, packet, 6, out _));
    }

    [Fact]
    public void ReservedBitsAreSeenOnceThePacketIsOpen()
    {
        (PacketSealer sealer, PacketOpener opener, _) = NewPair(CipherSuite.Aes128GcmSha256, QuicVersion.V1);
        byte[] packet = Seal(sealer, QuicVersion.V1, Payload(30), 7, 1, extraBits: 0x04);
        Assert.Equal(OpenStatus.ReservedBits, Open(opener, packet, 6, out OpenedPacket opened));
        Assert.Equal(7, opened.PacketNumber);
    }

    [Fact]
    public void AKeyIsUsedNoMoreThanItsLimit()
    {
        using PacketSealer sealer = new(
            CipherSuite.Aes128GcmSha256, QuicVersion.V1, new byte[32], new AeadLimits(Confidentiality: 8, Integrity: 3));
        byte[] packet = new byte[60];
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(i >= 4, sealer.NeedsKeyUpdate);
            Assert.Equal(i >= 6, sealer.IsNearlyUsedUp);
            Assert.True(sealer.TrySeal(packet, 20, i));
        }

        Assert.False(sealer.TrySeal(packet, 20, 8));
        Assert.Equal(8, sealer.SealedCount);
    }

    [Fact]
    public void TooManyForgeriesEndAllOpening()
    {
        ForgeryCount forgeries = new();
        AeadLimits limits = new(100, Integrity: 3);
        using PacketSealer sealer = new(CipherSuite.Aes128GcmSha256, QuicVersion.V1, new byte[32]);
        using PacketOpener opener = new(CipherSuite.Aes128GcmSha256, QuicVersion.V1, new byte[32], forgeries, limits);
        using ApplicationKeys keys = new(forgeries, limits);
        keys.SetOpeningSecret(CipherSuite.Aes128GcmSha256, QuicVersion.V1, new byte[32]);
        byte[] good = Seal(sealer, QuicVersion.V1, Payload(30), 0, 1);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(OpenStatus.Dropped, opener.TryOpen(new byte[60], 20, 0, out _));
        }

        // One more than the limit, by whichever keys.
        Assert.Equal(OpenStatus.LimitReached, keys.TryOpen(new byte[60], 9, 0, out _));
        Assert.Equal(OpenStatus.LimitReached, keys.TryOpen(new byte[60], 9, 0, out _));
        Assert.Equal(OpenStatus.LimitReached, Open(opener, good, 0, out _));
    }

    [Theory]
    [InlineData((int)CipherSuite.Aes128GcmSha256, 1L << 23, 1L << 52)]
    [InlineData((int)CipherSuite.Aes256GcmSha384, 1L << 23, 1L << 52)]
    [InlineData((int)CipherSuite.ChaCha20Poly1305Sha256, long.MaxValue, 1L << 36)]
    public void LimitsAreThoseOfTheRfc(int suiteNumber, long confidentiality, long integrity) =>
        Assert.Equal(new AeadLimits(confidentiality, integrity), AeadLimits.Of((CipherSuite)suiteNumber));

    [Theory]
    [MemberData(nameof(Suites))]
    public void HeadersProtectedTogetherAreAsOneByOne(int suiteNumber)
    {
        byte[] secret = Secret((CipherSuite)suiteNumber);
        using PacketSealer one = new((CipherSuite)suiteNumber, QuicVersion.V1, secret);
        using PacketSealer together = new((CipherSuite)suiteNumber, QuicVersion.V1, secret);
        foreach (int count in (int[])[1, 7, 8, 9, 20])
        {
            List<PacketBuffer> datagrams = [];
            List<byte[]> expected = [];
            for (int i = 0; i < count; i++)
            {
                // Two packets in a datagram, of different lengths of packet numbers.
                PacketBuffer datagram = PacketPool.Shared.Rent();
                Span<byte> bytes = datagram.Append(150);
                bytes.Fill((byte)i);
                int first = PacketHeaderWriter.WriteLong(
                    bytes[..70], PacketType.Handshake, QuicVersion.V1, true, s_id, s_id, default, i, 1 + (i % 4));
                PacketHeaderWriter.SetLength(bytes[..70], first);
                int second = PacketHeaderWriter.WriteShort(bytes[70..], HeaderBits.Fixed, s_id, i, 1 + (i % 3));
                byte[] copy = [.. bytes];
                foreach ((PacketSealer sealer, Memory<byte> target) in
                    ((PacketSealer, Memory<byte>)[])[(one, copy), (together, datagram.Memory)])
                {
                    Assert.True(sealer.TrySeal(target.Span[..70], first, i));
                    Assert.True(sealer.TrySeal(target.Span[70..], second, i));
                }

                one.ProtectHeader(copy.AsSpan(0, 70), first);
                one.ProtectHeader(copy.AsSpan(70), second);
                together.DeferHeader(datagram, 0, first);
                together.DeferHeader(datagram, 70, second);
                datagrams.Add(datagram);
                expected.Add(copy);
            }

            together.FlushHeaders();
            for (int i = 0; i < count; i++)
            {
                Assert.Equal(expected[i], datagrams[i].Payload.ToArray());
                datagrams[i].Release();
            }
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void NothingIsAllocatedForAPacket(int suiteNumber)
    {
        ApplicationKeys keys = new(new ForgeryCount());
        byte[] secret = Secret((CipherSuite)suiteNumber);
        keys.SetSealingSecret((CipherSuite)suiteNumber, QuicVersion.V1, secret);
        keys.SetOpeningSecret((CipherSuite)suiteNumber, QuicVersion.V1, secret);
        PacketBuffer datagram = PacketPool.Shared.Rent();
        datagram.Append(1200);
        byte[] forged = new byte[1200];
        forged[0] = HeaderBits.Fixed;
        keys.TryOpen(forged, 9, 0, out _);
        long number = 0;
        long allocated = long.MaxValue;
        for (int pass = 0; pass < 5; pass++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 300; i++)
            {
                Span<byte> packet = datagram.Payload;
                int payload = PacketHeaderWriter.WriteShort(packet, HeaderBits.Fixed, s_id, number, 4);
                keys.TrySeal(packet, payload, number);
                keys.Sealer!.DeferHeader(datagram, 0, payload);
                keys.Sealer.FlushHeaders();
                if (keys.TryOpen(packet, 9, number - 1, out OpenedPacket opened) != OpenStatus.Opened || opened.PacketNumber != number)
                {
                    Assert.Fail($"packet {number} does not open");
                }

                number++;
                if ((i & 63) == 0)
                {
                    // After the first forgery, others cost no exception for a while.
                    forged[0] = HeaderBits.Fixed;
                    keys.TryOpen(forged, 9, number, out _);
                }
            }

            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        datagram.Release();
        Assert.Equal(0, allocated);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void MutatedPacketsNeitherThrowNorOpen(int suiteNumber)
    {
        (PacketSealer sealer, PacketOpener opener, _) = NewPair((CipherSuite)suiteNumber, QuicVersion.V1);
        ApplicationKeys keys = new(new ForgeryCount());
        keys.SetOpeningSecret((CipherSuite)suiteNumber, QuicVersion.V1, Secret((CipherSuite)suiteNumber));
        byte[][] corpus =
        [
            Seal(sealer, QuicVersion.V1, Payload(4), 7, 1), Seal(sealer, QuicVersion.V1, Payload(100), 8, 4),
            [HeaderBits.Fixed, .. Payload(100)],
        ];
        long index = 0;
        Mutator.Run(corpus, 3_000, 31, input =>
        {
            index++;
            Span<byte> datagram = stackalloc byte[input.Length];
            input.CopyTo(datagram);
            DatagramReader reader = new(datagram, 8, false);
            while (reader.TryRead(out PacketHeader header, out Span<byte> packet))
            {
                if (!header.IsProtected)
                {
                    continue;
                }

                bool isOriginal = index <= corpus.Length || corpus.Any(packet.ToArray().SequenceEqual);
                OpenStatus status = header.Type == PacketType.OneRtt
                    ? keys.TryOpen(packet, header.PacketNumberOffset, PacketNumber.Max, out _)
                    : opener.TryOpen(packet, header.PacketNumberOffset, 6, out _);
                if (status != OpenStatus.Dropped && !isOriginal)
                {
                    throw new InvalidOperationException($"a mutated packet: {status}");
                }
            }
        });
    }

    private static byte[] Secret(CipherSuite suite) =>
        [.. Enumerable.Range(3, KeySchedule.SecretLength(suite)).Select(static i => (byte)i)];

    private static (PacketSealer Sealer, PacketOpener Opener, ForgeryCount Forgeries) NewPair(
        CipherSuite suite, QuicVersion version)
    {
        byte[] secret = Secret(suite);
        ForgeryCount forgeries = new();
        return (new PacketSealer(suite, version, secret), new PacketOpener(suite, version, secret, forgeries), forgeries);
    }

    private static byte[] Payload(int length) => [.. Enumerable.Range(1, length).Select(static i => (byte)i)];

    private static byte[] Seal(
        PacketSealer sealer, QuicVersion version, byte[] payload, long number, int numberLength, byte extraBits = 0)
    {
        byte[] packet = new byte[100 + payload.Length];
        int offset = PacketHeaderWriter.WriteLong(
            packet, PacketType.Handshake, version, true, s_id, s_id, default, number, numberLength);
        packet = packet[..(offset + payload.Length + PacketAead.TagLength)];
        packet[0] |= extraBits;
        payload.CopyTo(packet, offset);
        PacketHeaderWriter.SetLength(packet, offset);
        Assert.True(sealer.TrySeal(packet, offset, number));
        sealer.ProtectHeader(packet, offset);
        return packet;
    }

    private static OpenStatus Open(PacketOpener opener, byte[] packet, long largestReceived, out OpenedPacket opened)
    {
        Assert.True(PacketHeader.TryRead(packet, 8, false, out PacketHeader header));
        return opener.TryOpen(packet, header.PacketNumberOffset, largestReceived, out opened);
    }

    private static IEnumerable<byte[]> Slices(byte[] bytes, int length) =>
        Enumerable.Range(0, bytes.Length - length).Select(at => bytes[at..(at + length)]);
}
