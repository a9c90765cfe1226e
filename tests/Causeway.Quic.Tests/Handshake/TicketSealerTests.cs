using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

public class TicketSealerTests
{
    private const long Now = 1_800_000_000_000;
    private const long Hour = 3_600_000;
    private static readonly byte[] s_state = [.. Enumerable.Range(0, 100).Select(index => (byte)index)];
    private static readonly Random s_random = new(3);

    [Fact]
    public void OpensWhatItSealed()
    {
        TicketSealer sealer = Sealer(1);
        byte[] ticket = sealer.Seal(s_state, Now, s_random.NextBytes);
        Assert.Equal(s_state, sealer.TryOpen(ticket, Now));
        Assert.NotEqual(ticket, sealer.Seal(s_state, Now, s_random.NextBytes));
    }

    [Fact]
    public void RefusesAChangeOfAnyByteAndAnyCut()
    {
        TicketSealer sealer = Sealer(1);
        byte[] ticket = sealer.Seal(s_state, Now, s_random.NextBytes);
        for (int position = 0; position < ticket.Length; position++)
        {
            Assert.Null(sealer.TryOpen(MessageEditor.Flip(ticket, position, 0x40), Now));
            Assert.Null(sealer.TryOpen(ticket.AsSpan(0, position), Now));
        }
    }

    [Theory]
    [InlineData(-2, false)]
    [InlineData(-1, true)]
    [InlineData(0, true)]
    [InlineData(24, true)]
    [InlineData(25, false)]
    public void OpensForItsLifetimeAndALittleAhead(int hours, bool opens)
    {
        TicketSealer sealer = Sealer(1);
        byte[] ticket = sealer.Seal(s_state, Now, s_random.NextBytes);
        Assert.Equal(opens, sealer.TryOpen(ticket, Now + (hours * Hour)) is not null);
    }

    [Fact]
    public void ANewSecretSealsWhileTheOldStillOpens()
    {
        byte[] ticket = Sealer(1).Seal(s_state, Now, s_random.NextBytes);
        TicketSealer both = new([Secret(2), Secret(1)], TimeSpan.FromHours(1), TimeSpan.FromDays(1));
        Assert.Equal(s_state, both.TryOpen(ticket, Now));
        Assert.Null(Sealer(2).TryOpen(ticket, Now));
        Assert.NotNull(Sealer(2).TryOpen(both.Seal(s_state, Now, s_random.NextBytes), Now));
    }

    [Fact]
    public void ShortSecretsAreRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new TicketSealer([new byte[31]], TimeSpan.FromHours(1), TimeSpan.FromDays(1)));

    private static TicketSealer Sealer(byte secret) => new([Secret(secret)], TimeSpan.FromHours(1), TimeSpan.FromDays(1));

    private static ReadOnlyMemory<byte> Secret(byte value)
    {
        byte[] secret = new byte[32];
        secret.AsSpan().Fill(value);
        return secret;
    }
}
