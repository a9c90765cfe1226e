using Causeway.Protocol;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Wire;

public sealed class TransportParameterTests
{
    private const string Token = "000102030405060708090a0b0c0d0e0f";

    [Fact]
    public void WhatAServerSendsIsRead()
    {
        TransportParameters sent = Samples.ServerParameters();
        byte[] encoded = new byte[500];
        int length = TransportParameterCodec.Write(encoded, sent, random: 0x1234_5678_9abc_def0);
        TransportParameters read = new();
        Assert.True(
            TransportParameterCodec.TryRead(encoded.AsSpan(0, length), EndpointRole.Server, read, out string? error), error);
        Assert.Null(error);
        Assert.Equal(sent.OriginalDestinationConnectionId, read.OriginalDestinationConnectionId);
        Assert.Equal(sent.MaxIdleTimeout, read.MaxIdleTimeout);
        Assert.Equal(sent.StatelessResetToken, read.StatelessResetToken);
        Assert.Equal(sent.MaxUdpPayloadSize, read.MaxUdpPayloadSize);
        Assert.Equal(sent.InitialMaxData, read.InitialMaxData);
        Assert.Equal(sent.InitialMaxStreamDataBidirectionalLocal, read.InitialMaxStreamDataBidirectionalLocal);
        Assert.Equal(sent.InitialMaxStreamDataBidirectionalRemote, read.InitialMaxStreamDataBidirectionalRemote);
        Assert.Equal(sent.InitialMaxStreamDataUnidirectional, read.InitialMaxStreamDataUnidirectional);
        Assert.Equal(sent.InitialMaxStreamsBidirectional, read.InitialMaxStreamsBidirectional);
        Assert.Equal(sent.InitialMaxStreamsUnidirectional, read.InitialMaxStreamsUnidirectional);
        Assert.Equal(sent.AckDelayExponent, read.AckDelayExponent);
        Assert.Equal(sent.MaxAckDelay, read.MaxAckDelay);
        Assert.True(read.DisableActiveMigration);
        Assert.Equal(sent.PreferredAddress, read.PreferredAddress);
        Assert.Equal(sent.ActiveConnectionIdLimit, read.ActiveConnectionIdLimit);
        Assert.Equal(sent.InitialSourceConnectionId, read.InitialSourceConnectionId);
        Assert.Equal(sent.RetrySourceConnectionId, read.RetrySourceConnectionId);
        Assert.Equal(sent.VersionInformation.Chosen, read.VersionInformation.Chosen);
        Assert.Equal(sent.VersionInformation.Available.ToArray(), read.VersionInformation.Available.ToArray());
        Assert.Equal(sent.MaxDatagramFrameSize, read.MaxDatagramFrameSize);
        Assert.True(read.GreaseQuicBit);
        Assert.Equal(sent.MinAckDelay, read.MinAckDelay);
        Assert.Equal(sent.FecWindow, read.FecWindow);

        for (int room = 0; room < length; room++)
        {
            Assert.Equal(0, TransportParameterCodec.Write(new byte[room], sent, random: 0x1234_5678_9abc_def0));
        }
    }

    [Fact]
    public void AbsenceMeansTheDefaults()
    {
        byte[] encoded = new byte[500];
        Assert.Equal(0, TransportParameterCodec.Write(encoded, new TransportParameters(), random: null));
        TransportParameters read = Samples.ServerParameters();
        Assert.True(TransportParameterCodec.TryRead([], EndpointRole.Client, read, out _));
        Assert.Equal(65527, read.MaxUdpPayloadSize);
        Assert.Equal(3, read.AckDelayExponent);
        Assert.Equal(25, read.MaxAckDelay);
        Assert.Equal(2, read.ActiveConnectionIdLimit);
        Assert.Null(read.InitialSourceConnectionId);
        Assert.Null(read.PreferredAddress);
        Assert.Null(read.MinAckDelay);
        Assert.Equal(0, read.FecWindow);
        Assert.False(read.GreaseQuicBit);
        Assert.False(read.VersionInformation.IsPresent);
    }

    [Theory]
    [InlineData("0100", "integer")]
    [InlineData("01024005" + "01020405", "twice")]
    [InlineData("9b119a560100", "fec_window of 0")]
    [InlineData("9b119a560120" + "9b119a560120", "twice")]
    [InlineData("0102400501", "cut off")]
    [InlineData("0104000000", "cut off")]
    [InlineData("01020505", "integer")]
    [InlineData("030244af", "below 1200")]
    [InlineData("0808d000000000000001", "2^60")]
    [InlineData("0908d000000000000001", "2^60")]
    [InlineData("0a0115", "above 20")]
    [InlineData("0b0480004000", "2^14")]
    [InlineData("0c0100", "not empty")]
    [InlineData("0e0101", "below 2")]
    [InlineData("0f15" + "00112233445566778899aabbccddeeff0011223344", "20 bytes")]
    [InlineData("6ab20100", "not empty")]
    [InlineData("c0000000ff04de1b0480006590", "above the max_ack_delay")]
    [InlineData("0b0101" + "c0000000ff04de1b0243e9", "above the max_ack_delay")]
    [InlineData("1100", "does not parse")]
    [InlineData("110400000000", "does not parse")]
    [InlineData("1105" + "0000000100", "does not parse")]
    [InlineData("1108" + "00000001" + "6b3343cf", "does not parse")]
    [InlineData("1108" + "00000001" + "00000000", "does not parse")]
    [InlineData("110c" + "00000001" + "00000001" + "00000000", "does not parse")]
    [InlineData("0000", "client must not")]
    [InlineData("0210" + Token, "client must not")]
    [InlineData("1000", "client must not")]
    [InlineData("0d00", "client must not")]
    [InlineData("1b00" + "1b00", "twice")]
    [InlineData("ff", "cut off")]
    public void WhatAClientGetsWrongIsNamed(string hex, string error)
    {
        Assert.False(
            TransportParameterCodec.TryRead(
                Convert.FromHexString(hex), EndpointRole.Client, new TransportParameters(), out string? actual));
        Assert.Contains(error, actual, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("020f" + "000102030405060708090a0b0c0d0e", "16 bytes")]
    [InlineData("0d29" + "7f000001115100000000000000000000000000000000" + "0000" + "00" + Token, "does not parse")]
    [InlineData("0d2b" + "7f000001115100000000000000000000000000000000" + "0000" + "01aa" + Token + "00", "does not parse")]
    [InlineData("0015" + "00112233445566778899aabbccddeeff0011223344", "20 bytes")]
    [InlineData("1015" + "00112233445566778899aabbccddeeff0011223344", "20 bytes")]
    public void WhatAServerGetsWrongIsNamed(string hex, string error)
    {
        Assert.False(
            TransportParameterCodec.TryRead(
                Convert.FromHexString(hex), EndpointRole.Server, new TransportParameters(), out string? actual));
        Assert.Contains(error, actual, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0b0101" + "c0000000ff04de1b0243e8")]
    [InlineData("0808d000000000000000")]
    [InlineData("9b119a560101")]
    [InlineData("9b119a5608ffffffffffffffff")]
    [InlineData("0a0114")]
    [InlineData("0b0480003fff")]
    [InlineData("0e0102")]
    [InlineData("030244b0")]
    [InlineData("1b00" + "3a0101" + "40590102")]
    [InlineData("1110" + "00000001" + "1a2a3a4a" + "00000001" + "6b3343cf")]
    public void WhatIsJustRightIsTaken(string hex)
    {
        Assert.True(
            TransportParameterCodec.TryRead(
                Convert.FromHexString(hex), EndpointRole.Client, new TransportParameters(), out string? error), error);
    }

    [Fact]
    public void AServerMayListOtherVersionsThanItChose()
    {
        TransportParameters read = new();
        Assert.True(
            TransportParameterCodec.TryRead(
                Convert.FromHexString("1108" + "00000001" + "6b3343cf"), EndpointRole.Server, read, out _));
        Assert.Equal(QuicVersion.V1, read.VersionInformation.Chosen);
        Assert.Equal([QuicVersion.V2], read.VersionInformation.Available.ToArray());
    }

    [Fact]
    public void ReservedVersionsAndThoseBeyondTheSixteenthAreLeftOut()
    {
        string many = string.Concat(Enumerable.Range(1, 40).Select(static i => $"{i:x8}" + "fafafafa"));
        TransportParameters read = new();
        Assert.True(
            TransportParameterCodec.TryRead(
                Convert.FromHexString("11" + "4144" + "00000028" + many), EndpointRole.Client, read, out string? error), error);
        Assert.Equal(
            Enumerable.Range(1, 16).Select(static i => (QuicVersion)i), read.VersionInformation.Available.ToArray());
    }

    [Fact]
    public void ReservedParametersAreOnesThatNobodyKnows()
    {
        long[] known =
        [
            .. Enumerable.Range(0, 0x12), TransportParameterId.MaxDatagramFrameSize, TransportParameterId.GreaseQuicBit,
            TransportParameterId.MinAckDelay, TransportParameterId.FecWindow,
        ];
        Assert.All(known, static id => Assert.NotEqual(27, id % 31));
        Assert.Equal(27, TransportParameterId.Reserved(0));
        Assert.InRange(TransportParameterId.Reserved(uint.MaxValue), 0, VarInt.MaxValue);
    }

    [Fact]
    public void CutParametersAreRefusedOrEndWithAWholeOne()
    {
        byte[] encoded = new byte[500];
        int length = TransportParameterCodec.Write(encoded, Samples.ServerParameters(), random: 5);
        TransportParameters read = new();
        HashSet<int> ends = [0];
        WireReader reader = new(encoded.AsSpan(0, length));
        while (!reader.IsAtEnd)
        {
            Assert.True(reader.TryReadVarInt(out _) && reader.TryReadPrefixed(out _));
            ends.Add(reader.Offset);
        }

        for (int cut = 0; cut <= length; cut++)
        {
            Assert.Equal(
                ends.Contains(cut),
                TransportParameterCodec.TryRead(encoded.AsSpan(0, cut), EndpointRole.Server, read, out _));
        }
    }
}
