using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>
/// Every byte of every flight is changed once. No change may throw, and after none may both ends complete.
/// </summary>
public class MutationTests
{
    public static TheoryData<string> Scenarios => ["full", "retry", "client certificate", "resumption", "external PSK", "hybrid"];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void NoChangedByteIsAccepted(string scenario)
    {
        const int Seed = 20260101;
        (TlsClientOptions client, TlsServerOptions server) = Options(scenario);
        int total = CountBytes(client, server);

        Random random = new(Seed);
        for (int target = 0; target < total; target++)
        {
            byte mask = (byte)random.Next(1, 256);
            using HandshakePair pair = new(client, server);
            bool isChanged = false;
            Mutate(pair, target, mask, () => isChanged = true);
            pair.Run();

            // Signatures differ in length from run to run, so the last bytes may not be there.
            Assert.False(
                isChanged && pair.Client.IsComplete && pair.Server.IsComplete,
                $"{scenario}: both ends took byte {target} changed by {mask:x2} (seed {Seed})");
        }
    }

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void NoCutMessageThrows(string scenario)
    {
        const int Seed = 7;
        (TlsClientOptions client, TlsServerOptions server) = Options(scenario);
        Random random = new(Seed);
        for (int round = 0; round < 60; round++)
        {
            int left = random.Next(0, 12);
            using HandshakePair pair = new(client, server);
            bool isCut = false;
            pair.OnTheWay = (_, level, bytes) =>
            {
                if (level == EncryptionLevel.Application || bytes.Length == 4 || left-- != 0)
                {
                    return bytes;
                }

                // The length of the message says that it is whole.
                isCut = true;
                int keep = random.Next(0, bytes.Length - 4);
                return MessageEditor.Message(MessageEditor.TypeOf(bytes), bytes[4..(4 + keep)]);
            };
            pair.Run();
            Assert.False(isCut && pair.Client.IsComplete && pair.Server.IsComplete, $"seed {Seed}, round {round}");
        }
    }

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void NoDisorderIsAccepted(string scenario)
    {
        const int Seed = 13;
        (TlsClientOptions client, TlsServerOptions server) = Options(scenario);
        Random random = new(Seed);
        for (int round = 0; round < 100; round++)
        {
            // Each message may be lost, doubled, or come after the one that follows it.
            byte[]? late = null;
            bool isDisturbed = false;
            using HandshakePair pair = new(client, server);
            pair.OnTheWay = (_, level, bytes) =>
            {
                byte[] all = [.. bytes, .. late ?? []];
                late = null;
                int fate = level == EncryptionLevel.Application ? 3 : random.Next(0, 12);
                isDisturbed |= fate < 3;
                if (fate == 2)
                {
                    late = all;
                    return null;
                }

                return fate switch
                {
                    0 => null,
                    1 => [.. all, .. all],
                    _ => all,
                };
            };
            pair.Run();
            Assert.False(
                isDisturbed && pair.Client.IsComplete && pair.Server.IsComplete, $"{scenario}: seed {Seed}, round {round}");
        }
    }

    [Theory]
    [InlineData("full")]
    [InlineData("retry")]
    [InlineData("resumption")]
    public void NoGarbageInAnExtensionThrows(string scenario)
    {
        const int Seed = 17;
        (TlsClientOptions client, TlsServerOptions server) = Options(scenario);
        Random random = new(Seed);
        for (int round = 0; round < 600; round++)
        {
            int hits = 0;
            using HandshakePair pair = new(client, server);
            pair.OnTheWay = (_, _, bytes) =>
            {
                if (MessageEditor.TypeOf(bytes) is not (
                    HandshakeType.ClientHello or HandshakeType.ServerHello or HandshakeType.EncryptedExtensions)
                    || random.Next(0, 3) != 0)
                {
                    return bytes;
                }

                return MessageEditor.WithExtensions(bytes, extensions =>
                {
                    int index = random.Next(0, extensions.Count);
                    byte[] data = new byte[random.Next(0, 40)];
                    random.NextBytes(data);

                    // A plausible length before the garbage takes it deeper into the parser.
                    if (data.Length > 2 && random.Next(0, 2) == 0)
                    {
                        (data[0], data[1]) = (0, (byte)(data.Length - 2));
                    }

                    hits += data.AsSpan().SequenceEqual(extensions[index].Data) ? 0 : 1;
                    extensions[index] = (extensions[index].Type, data);
                });
            };
            pair.Run();
            Assert.False(hits > 0 && pair.Client.IsComplete && pair.Server.IsComplete, $"{scenario}: seed {Seed}, round {round}");
        }
    }

    [Fact]
    public void NoGarbageThrows()
    {
        const int Seed = 11;
        Random random = new(Seed);
        for (int round = 0; round < 3000; round++)
        {
            byte[] body = new byte[random.Next(0, 200)];
            random.NextBytes(body);
            byte[] message = MessageEditor.Message(round % 2 == 0 ? HandshakeType.ClientHello : HandshakeType.ServerHello, body);
            if (round % 2 == 0)
            {
                using Tls13Server server = new(HandshakePair.Environment(round));
                server.Input(EncryptionLevel.Initial, message, Timestamp.Zero);
                Assert.True(server.Failure is not null, $"seed {Seed}, round {round}");
            }
            else
            {
                using Tls13Client client = new(HandshakePair.ClientOptions(), HandshakePair.Environment(round));
                client.Start(Timestamp.Zero);
                client.Input(EncryptionLevel.Initial, message, Timestamp.Zero);
                Assert.True(client.Failure is not null, $"seed {Seed}, round {round}");
            }
        }
    }

    [Fact]
    public void NoChangedTicketMessageThrows()
    {
        TlsServerOptions server = HandshakePair.ServerOptions() with
        {
            Tickets = TicketSealer.Create(HandshakePair.Environment(9).Random),
            TicketCount = 1,
        };
        byte[] ticket = [];
        using HandshakePair first = new(server: server);
        first.OnTheWay = (_, level, bytes) => level == EncryptionLevel.Application ? ticket = bytes : bytes;
        first.RunToCompletion();
        for (int position = 0; position < ticket.Length; position++)
        {
            using HandshakePair pair = new();
            pair.RunToCompletion();
            pair.Client.Input(EncryptionLevel.Application, MessageEditor.Flip(ticket, position, 0x81), pair.Now);
        }
    }

    private static (TlsClientOptions Client, TlsServerOptions Server) Options(string scenario)
    {
        TlsClientOptions client = HandshakePair.ClientOptions();
        TlsServerOptions server = HandshakePair.ServerOptions();
        ExternalPsk psk = new("name"u8.ToArray(), new byte[32]);
        switch (scenario)
        {
            case "retry":
                return (
                    client with { Groups = [NamedGroup.X25519, NamedGroup.Secp256r1] },
                    server with { Groups = [NamedGroup.Secp256r1] });
            case "client certificate":
                return (
                    client with { Credential = TestCertificates.Credential("P-384") },
                    server with { ClientCertificates = ClientCertificateMode.Require });
            case "resumption":
                server = server with { Tickets = TicketSealer.Create(HandshakePair.Environment(9).Random) };
                using (HandshakePair first = new(client, server))
                {
                    return (client with { Session = first.RunToCompletion().Tickets()[0], OfferEarlyData = true }, server);
                }

            case "external PSK":
                return (client with { ExternalPsks = [psk] }, server with { ExternalPsks = [psk] });
            case "hybrid":
                return (client with { Groups = [NamedGroup.X25519MLKem768] }, server);
            default:
                return (client, server);
        }
    }

    private static int CountBytes(TlsClientOptions client, TlsServerOptions server)
    {
        int total = 0;
        using HandshakePair pair = new(client, server);
        pair.OnTheWay = (_, level, bytes) =>
        {
            total += level == EncryptionLevel.Application ? 0 : bytes.Length;
            return bytes;
        };
        pair.RunToCompletion();
        return total;
    }

    private static void Mutate(HandshakePair pair, int target, byte mask, Action changed)
    {
        int position = 0;
        pair.OnTheWay = (_, level, bytes) =>
        {
            if (level != EncryptionLevel.Application && target >= position && target < position + bytes.Length)
            {
                bytes[target - position] ^= mask;
                changed();
            }

            position += level == EncryptionLevel.Application ? 0 : bytes.Length;
            return bytes;
        };
    }
}
