using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tests.Tunnels;

public sealed class TunnelFrameTests
{
    public static TheoryData<string> Addresses =>
    [
        "192.0.2.1:80", "[2001:db8::1]:65535", "a:1", $"{new string('x', 255)}:0", "/run/socket", $"/{new string('p', 102)}", "@abstract", "",
    ];

    [Theory]
    [MemberData(nameof(Addresses))]
    public async Task WhatIsWrittenIsRead(string address)
    {
        EndPoint? endPoint = address.Length == 0 ? null : ForwardEndPoint.Parse(address).EndPoint;
        TunnelFrame frame = new()
        {
            Code = 200,
            Address = endPoint,
            Text = "wörds",
            Origin = new IPEndPoint(IPAddress.IPv6Loopback, 7),
            Listener = (1L << 62) - 1,
        };

        TunnelFrame? read = await ReadAsync(frame.ToBytes());

        Assert.NotNull(read);
        Assert.Equal(TunnelStream.Text(endPoint), TunnelStream.Text(read.Address));
        Assert.Equal(frame with { Address = null }, read with { Address = null });
    }

    [Fact]
    public void ARequestHasTheBytesOfTheDocument() => Assert.Equal(
        "0101000f" + "03" + "0b6578616d706c652e636f6d" + "0050",
        Convert.ToHexStringLower(TunnelFrame.Request(TunnelKind.Connect, new DnsEndPoint("example.com", 80)).ToBytes()));

    [Fact]
    public async Task NothingBehindTheFrameIsTaken()
    {
        using MemoryStream stream = new([.. TunnelFrame.Grant().ToBytes(), 1, 2, 3]);
        (TunnelFrame? frame, _, _) = await TunnelFrameReader.ReadAsync(stream, default);
        Assert.NotNull(frame);
        Assert.Equal(3, stream.Length - stream.Position);
    }

    [Fact]
    public async Task UnknownOptionsArePassedOver()
    {
        // Option 77 with two bytes, then a text.
        TunnelFrame? frame = await ReadAsync([1, 0, 0, 9, 0, 77, 2, 9, 9, 1, 2, (byte)'o', (byte)'k']);
        Assert.Equal("ok", frame?.Text);
    }

    [Theory]
    [InlineData("01", TunnelRefusal.Malformed)] // half a prefix
    [InlineData("02010000", TunnelRefusal.Unsupported)] // another version
    [InlineData("010103FD", TunnelRefusal.Malformed)] // 1021 bytes to come
    [InlineData("01010000", TunnelRefusal.Malformed)] // no address
    [InlineData("0101000107", TunnelRefusal.Malformed)] // an address of type 7
    [InlineData("010100060101020304FF", TunnelRefusal.Malformed)] // half a port
    [InlineData("010100040300FFFF", TunnelRefusal.Malformed)] // a name of no characters
    [InlineData("0101000503010A0050", TunnelRefusal.Malformed)] // a name that is a line feed
    [InlineData("010100030501" + "61", TunnelRefusal.Malformed)] // a path that begins nowhere
    [InlineData("010100020001", TunnelRefusal.Malformed)] // an option without length
    [InlineData("01010003000105", TunnelRefusal.Malformed)] // an option longer than what is there
    [InlineData("010100040002" + "0100", TunnelRefusal.Malformed)] // an origin that is none
    [InlineData("0101000B000308" + "FFFFFFFFFFFFFFFF", TunnelRefusal.Malformed)] // a negative id
    [InlineData("01010005" + "0000", TunnelRefusal.Malformed)] // ends within
    public async Task WhatCannotBeReadHasAReason(string bytes, TunnelRefusal reason)
    {
        using MemoryStream stream = new(Convert.FromHexString(bytes));
        (TunnelFrame? frame, TunnelRefusal actual, string problem) = await TunnelFrameReader.ReadAsync(stream, default);
        Assert.Null(frame);
        Assert.Equal(reason, actual);
        Assert.NotEmpty(problem);
    }

    [Fact]
    public async Task NoBytesMakeItThrow()
    {
        byte[] whole = (TunnelFrame.Refuse(TunnelRefusal.Failed, "why") with
        {
            Address = new UnixDomainSocketEndPoint("/run/socket"),
            Origin = new IPEndPoint(IPAddress.Loopback, 1),
            Listener = 4,
        }).ToBytes();
        Random random = new(41);
        for (int run = 0; run < 20_000; run++)
        {
            byte[] bytes = [.. whole];
            for (int changes = random.Next(1, 4); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            using MemoryStream stream = new(bytes, 0, random.Next(bytes.Length + 1));
            if ((await TunnelFrameReader.ReadAsync(stream, default)).Frame is { } frame)
            {
                // What was read can be written again.
                frame.ToBytes();
            }
        }
    }

    [Fact]
    public async Task TextOfAPeerCannotChangeLinesOfALog()
    {
        TunnelFrame? frame = await ReadAsync(TunnelFrame.Refuse(TunnelRefusal.Failed, "a\nb\u001b[31m\u2028c").ToBytes());
        Assert.Equal("a?b?[31m?c", frame?.Text);
    }

    [Fact]
    public async Task ALongTextIsCutBetweenCharacters()
    {
        TunnelFrame? frame = await ReadAsync(TunnelFrame.Refuse(TunnelRefusal.Failed, new string('ö', 300)).ToBytes());
        Assert.Equal(new string('ö', 127), frame?.Text);
    }

    [Fact]
    public async Task AnAddressWrittenAsANameIsAnAddress()
    {
        TunnelFrame? frame = await ReadAsync(TunnelFrame.Request(TunnelKind.Connect, new DnsEndPoint("::ffff:127.0.0.1", 80)).ToBytes());
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 80), frame?.Address);
    }

    private static async Task<TunnelFrame?> ReadAsync(byte[] bytes)
    {
        using MemoryStream stream = new(bytes);
        return (await TunnelFrameReader.ReadAsync(stream, default)).Frame;
    }
}
