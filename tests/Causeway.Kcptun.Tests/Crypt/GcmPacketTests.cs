using System.Text.Json;
using Causeway.Kcptun.Crypt;
using Causeway.Protocol;
using Causeway.Protocol.Tests.Crypto;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.Crypt;

/// <summary>The packets of <c>aes-128-gcm</c> by every way that there is to run GCM.</summary>
public sealed class GcmPacketTests
{
    public static TheoryData<string> Paths => [.. GcmPaths.Names];

    [Theory]
    [MemberData(nameof(Paths))]
    public void RecordedPacketsAreTheReferences(string path)
    {
        JsonElement row = GoldenVectors.Load("crypt.json").GetProperty("ciphers").EnumerateArray()
            .Single(static row => row.GetProperty("crypt").GetString() == "aes-128-gcm");
        JsonElement[] packets = [.. row.GetProperty("packets").EnumerateArray()];
        byte[][] nonces = [.. packets.Select(static packet => packet.Hex("nonce_hex"))];
        using AesGcmTransform transform = new(GcmPaths.Create(path, row.Hex("key_hex")), new GivenNonces(nonces));
        using PacketBatch batch = new(
            packets.Select(static packet => GoldenVectors.Pattern(packet.GetProperty("payload_len").GetInt32())));
        transform.Protect(batch.Buffers);
        Assert.Equal(packets.Select(static packet => packet.Hex("wire_hex")), batch.Payloads);
        transform.Unprotect(batch.Buffers);
        Assert.Equal(0, transform.NotAuthentic);
    }
}
