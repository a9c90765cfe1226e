using Causeway.Kcp.Wire;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Wire;

public sealed class GoodbyeTests
{
    // Conversation, WINS, a window, no time, a sequence number that begins nothing, no una, 4 bytes: mark, kind, reason, flag.
    private const string Bytes = "78563412" + "54" + "00" + "2000" + "00000000" + "FFFFFFFF" + "00000000" + "04000000" + "CA140201";

    [Fact]
    public void GoodbyeHasTheDocumentedBytes()
    {
        byte[] bytes = new byte[Goodbye.DatagramSize];
        new Goodbye(GoodbyeReason.BacklogFull, IsAnswer: true).Write(bytes, 0x12345678);
        Assert.Equal(Bytes, Convert.ToHexString(bytes));
        Assert.True(Goodbye.TryRead(bytes, out uint conversation, out Goodbye read));
        Assert.Equal(0x12345678u, conversation);
        Assert.Equal(new Goodbye(GoodbyeReason.BacklogFull, IsAnswer: true), read);
    }

    [Theory]
    [InlineData(8, "53")]
    [InlineData(40, "03000000CA1402")]
    [InlineData(40, "05000000CA140201")]
    [InlineData(40, "04000000CB140201")]
    [InlineData(40, "04000000CA120201")]
    [InlineData(40, "04000000CA240201")]
    [InlineData(40, "00000000")]
    [InlineData(40, "04000000CA14020100")]
    public void WhatIsNoGoodbyeIsNone(int hexOffset, string replacement)
    {
        string hex = hexOffset == 40 ? Bytes[..40] + replacement : Bytes[..hexOffset] + replacement + Bytes[(hexOffset + replacement.Length)..];
        Assert.False(Goodbye.TryRead(Convert.FromHexString(hex), out _, out _));
    }

    [Fact]
    public void LaterVersionsMayAppend() => Assert.True(
        Goodbye.TryRead(Convert.FromHexString(Bytes[..40] + "06000000CA140201ABCD"), out _, out _));
}
