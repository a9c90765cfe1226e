using System.Buffers.Binary;
using Causeway.Quic.Protection;
using Causeway.TestKit;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Parameters;
using PlatformChaCha = System.Security.Cryptography.ChaCha20Poly1305;

namespace Causeway.Quic.Tests.Protection;

/// <summary>ChaCha20 in its three forms: blocks for headers, and the AEAD of the platform and of BouncyCastle.</summary>
public sealed class ChaChaTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(0, 32).Select(static i => (byte)i)];

    [Fact]
    public void TheBlockOfTheRfcComesOut()
    {
        // RFC 8439, 2.3.2: counter 1, nonce 000000090000004a00000000.
        byte[] input = Convert.FromHexString("01000000" + "000000090000004a00000000");
        using ChaChaBlocks blocks = new(s_key);
        blocks.FirstWords(input);
        Assert.Equal("10f1e7e4d13b5915", Convert.ToHexStringLower(input.AsSpan(0, 8)));
    }

    [Fact]
    public void BlocksAreThoseOfBouncyCastle()
    {
        // Its engine begins at block 0 and goes on from there.
        SeededRandom random = new(41);
        for (int round = 0; round < 50; round++)
        {
            byte[] key = new byte[32];
            byte[] nonce = new byte[12];
            random.Fill(key);
            random.Fill(nonce);
            ChaCha7539Engine engine = new();
            engine.Init(true, new ParametersWithIV(new KeyParameter(key), nonce));
            byte[] stream = new byte[64 * 20];
            engine.ProcessBytes(stream, stream);

            using ChaChaBlocks blocks = new(key);
            for (int first = 0; first < 20; first += 8)
            {
                int count = Math.Min(8, 20 - first);
                byte[] inputs = new byte[count * ChaChaBlocks.InputLength];
                for (int i = 0; i < count; i++)
                {
                    BinaryPrimitives.WriteInt32LittleEndian(inputs.AsSpan(i * ChaChaBlocks.InputLength), first + i);
                    nonce.CopyTo(inputs, (i * ChaChaBlocks.InputLength) + sizeof(int));
                }

                blocks.FirstWords(inputs);
                for (int i = 0; i < count; i++)
                {
                    Assert.Equal(
                        stream.AsSpan((first + i) * 64, 8).ToArray(),
                        inputs.AsSpan(i * ChaChaBlocks.InputLength, 8).ToArray());
                }
            }
        }
    }

    [Fact]
    public void BothAeadsSealAlikeAndOpenEachOthersPackets()
    {
        if (!PlatformChaCha.IsSupported)
        {
            return;
        }

        using PlatformChaChaAead platform = new(s_key);
        using ManagedChaChaAead managed = new(s_key);
        SeededRandom random = new(42);
        byte[] nonce = new byte[PacketAead.NonceLength];
        foreach (int length in (int[])[0, 1, 15, 16, 17, 63, 64, 65, 1200, 1484, 1501, 9000])
        {
            byte[] text = new byte[length];
            byte[] associatedData = new byte[length % 40];
            random.Fill(nonce);
            random.Fill(text);
            random.Fill(associatedData);
            byte[] first = [.. text];
            byte[] second = [.. text];
            byte[] firstTag = new byte[PacketAead.TagLength];
            byte[] secondTag = new byte[PacketAead.TagLength];
            platform.Seal(nonce, associatedData, first, firstTag);
            managed.Seal(nonce, associatedData, second, secondTag);
            Assert.Equal(first, second);
            Assert.Equal(firstTag, secondTag);

            // What is refused is wiped, the first time by an exception inside, later without.
            for (int i = 0; i < 3; i++)
            {
                byte[] forged = [.. first];
                Assert.False(platform.TryOpen(nonce, associatedData, forged, new byte[PacketAead.TagLength]));
                Assert.All(forged, static value => Assert.Equal(0, value));
                forged = [.. first];
                Assert.False(managed.TryOpen(nonce, associatedData, forged, new byte[PacketAead.TagLength]));
                Assert.All(forged, static value => Assert.Equal(0, value));
            }

            Assert.True(platform.TryOpen(nonce, associatedData, second, secondTag));
            Assert.True(managed.TryOpen(nonce, associatedData, first, firstTag));
            Assert.Equal(text, first);
            Assert.Equal(text, second);
        }
    }
}
