namespace Causeway.Interop.Tests.Quic;

/// <summary>Who is the client, and who the server.</summary>
public enum QuicPair
{
    CausewayToNgtcp2,
    Ngtcp2ToCauseway,
    CausewayToQuiche,
    QuicheToCauseway,
    CausewayToCauseway,
}

internal static class QuicPairs
{
    public static IReadOnlyList<QuicPair> All { get; } = Enum.GetValues<QuicPair>();

    public static bool OurClient(this QuicPair pair) => pair is QuicPair.CausewayToNgtcp2 or QuicPair.CausewayToQuiche or QuicPair.CausewayToCauseway;

    public static bool OurServer(this QuicPair pair) => pair is QuicPair.Ngtcp2ToCauseway or QuicPair.QuicheToCauseway or QuicPair.CausewayToCauseway;

    public static bool IsQuiche(this QuicPair pair) => pair is QuicPair.CausewayToQuiche or QuicPair.QuicheToCauseway;

    public static bool IsNgtcp2(this QuicPair pair) => pair is QuicPair.CausewayToNgtcp2 or QuicPair.Ngtcp2ToCauseway;

    public static string Title(this QuicPair pair) => pair switch
    {
        QuicPair.CausewayToNgtcp2 => "our client, ngtcp2's server",
        QuicPair.Ngtcp2ToCauseway => "ngtcp2's client, our server",
        QuicPair.CausewayToQuiche => "our client, quiche's server",
        QuicPair.QuicheToCauseway => "quiche's client, our server",
        _ => "ours, both",
    };
}
