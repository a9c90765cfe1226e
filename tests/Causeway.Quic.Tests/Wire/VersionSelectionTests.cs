using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Wire;

public sealed class VersionSelectionTests
{
    private static readonly QuicVersion[] s_both = [QuicVersion.V2, QuicVersion.V1];
    private static readonly QuicVersion[] s_first = [QuicVersion.V1];

    [Fact]
    public void ClientTriesItsFavouriteOfWhatIsListed()
    {
        byte[] listed = Convert.FromHexString("1a2a3a4a" + "00000001" + "6b3343cf");
        Assert.Equal(QuicVersion.V2, VersionSelection.SelectFrom(s_both, listed));
        Assert.Equal(QuicVersion.V1, VersionSelection.SelectFrom(s_first, listed));
        Assert.Equal(QuicVersion.Negotiation, VersionSelection.SelectFrom(s_both, listed.AsSpan(0, 4)));
    }

    [Fact]
    public void ServerChoosesItsFavouriteOfWhatTheClientOffers()
    {
        VersionInformation both = VersionInformation.Create(QuicVersion.V1, [QuicVersion.V1, QuicVersion.V2]);
        Assert.Equal(QuicVersion.V2, VersionSelection.SelectCompatible(s_both, QuicVersion.V1, both));
        Assert.Equal(QuicVersion.V1, VersionSelection.SelectCompatible(s_first, QuicVersion.V1, both));
        Assert.Equal(QuicVersion.V1, VersionSelection.SelectCompatible(s_both, QuicVersion.V1, default));
        Assert.True(VersionSelection.IsClientRight(QuicVersion.V1, both));
        Assert.True(VersionSelection.IsClientRight(QuicVersion.V2, default));
        Assert.False(VersionSelection.IsClientRight(QuicVersion.V2, both));
    }

    [Fact]
    public void ClientChecksWhatTheServerSays()
    {
        VersionInformation second = VersionInformation.Create(QuicVersion.V2, s_both);
        VersionInformation first = VersionInformation.Create(QuicVersion.V1, s_both);
        VersionInformation alone = VersionInformation.Create(QuicVersion.V1, []);

        // No Version Negotiation packet: changed by the server, or not, and the long headers say the same.
        Assert.True(VersionSelection.IsServerRight(s_both, QuicVersion.V1, QuicVersion.V2, false, second));
        Assert.True(VersionSelection.IsServerRight(s_both, QuicVersion.V1, QuicVersion.V1, false, first));
        Assert.True(VersionSelection.IsServerRight(s_both, QuicVersion.V1, QuicVersion.V1, false, default));
        Assert.False(VersionSelection.IsServerRight(s_both, QuicVersion.V1, QuicVersion.V1, false, second));
        Assert.False(VersionSelection.IsServerRight(s_first, QuicVersion.V1, QuicVersion.V2, false, second));
        Assert.False(VersionSelection.IsServerRight(s_both, QuicVersion.V1, QuicVersion.V2, false, default));

        // After one: what it would have tried, had it known what the server has.
        Assert.True(VersionSelection.IsServerRight(s_both, QuicVersion.V2, QuicVersion.V2, true, second));
        Assert.True(VersionSelection.IsServerRight(s_first, QuicVersion.V1, QuicVersion.V1, true, first));
        Assert.False(VersionSelection.IsServerRight(s_both, QuicVersion.V1, QuicVersion.V1, true, first));
        Assert.False(VersionSelection.IsServerRight(s_both, QuicVersion.V1, QuicVersion.V1, true, alone));

        // RFC 9368, 8: a server of v1 that knows nothing of this is taken; one of v2 has to know it.
        Assert.True(VersionSelection.IsServerRight(s_both, QuicVersion.V1, QuicVersion.V1, true, default));
        Assert.False(VersionSelection.IsServerRight(s_both, QuicVersion.V2, QuicVersion.V2, true, default));
    }
}
