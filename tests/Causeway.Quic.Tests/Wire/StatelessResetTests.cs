using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Wire;

public sealed class StatelessResetTests
{
    private static readonly StatelessResetToken s_token = new([.. Enumerable.Range(0, 16).Select(static i => (byte)i)]);

    [Theory]
    [InlineData(21, 0)]
    [InlineData(22, 21)]
    [InlineData(40, 39)]
    [InlineData(1200, StatelessReset.MaxLength)]
    public void IsShorterThanWhatItAnswers(int trigger, int expected)
    {
        byte[] datagram = new byte[100];
        int length = StatelessReset.Write(datagram, trigger, s_token, static bytes => bytes.Fill(0xff));
        Assert.Equal(expected, length);
        if (length > 0)
        {
            Assert.Equal(0x40, datagram[0] & 0xc0);
            Assert.True(StatelessReset.TryGetToken(datagram.AsSpan(0, length), out ReadOnlySpan<byte> token));
            Assert.True(s_token.Equals(token));
            Assert.Equal(0, StatelessReset.Write(datagram.AsSpan(0, length - 1), trigger, s_token, static _ => { }));
        }
    }

    [Fact]
    public void ShortDatagramsAndLongHeadersAreNoResets()
    {
        byte[] datagram = new byte[StatelessReset.MinLength];
        Assert.True(StatelessReset.TryGetToken(datagram, out _));
        Assert.False(StatelessReset.TryGetToken(datagram.AsSpan(1), out _));
        datagram[0] = 0x80;
        Assert.False(StatelessReset.TryGetToken(datagram, out _));
    }

    [Fact]
    public void TokensAreEqualByTheirBytesAndNotPrinted()
    {
        Assert.Equal(s_token, new StatelessResetToken(s_token.Span));
        Assert.Equal(s_token.GetHashCode(), new StatelessResetToken(s_token.Span).GetHashCode());
        Assert.NotEqual(s_token, default);
        Assert.False(s_token.Equals(s_token.Span[1..]));
        Assert.DoesNotContain("00", s_token.ToString(), StringComparison.Ordinal);
    }
}
