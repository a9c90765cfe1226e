using Org.BouncyCastle.Security;

namespace Causeway.Quic.Handshake.Tls13.Groups;

/// <summary>Hands the engine's random bytes to BouncyCastle.</summary>
internal sealed class SuppliedRandom : SecureRandom
{
    private readonly RandomBytes _random;

    public SuppliedRandom(RandomBytes random)
        : base(null) => _random = random;

    public override void NextBytes(byte[] buf) => _random(buf);

    public override void NextBytes(byte[] buf, int off, int len) => _random(buf.AsSpan(off, len));

    public override void NextBytes(Span<byte> buffer) => _random(buffer);
}
