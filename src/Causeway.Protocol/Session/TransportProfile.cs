using Causeway.Protocol.Arq;
using Causeway.Protocol.Arq.Congestion;
using Causeway.Protocol.Fec;
using Causeway.Protocol.Mux;

namespace Causeway.Protocol;

/// <summary>
/// Everything that both ends of a connection have to agree on, and the local policy beside it: which layers there are
/// and how they are set. Profiles such as kcptun's make one from their own options.
/// </summary>
public sealed record TransportProfile
{
    /// <summary>The largest value of <see cref="Mtu"/>, and what every receiver takes whatever its own is.</summary>
    public const int MaxMtu = 1500;

    // Under the largest headers there are (AEAD and FEC, 36 bytes) it leaves the 50 bytes that the reliable layer
    // needs.
    private const int MinMtu = 86;

    /// <summary>The largest UDP payload to send, in bytes; 86 to 1500. Headers of all layers come out of it.</summary>
    public int Mtu { get; init; } = 1350;

    /// <summary>
    /// The reliable layer. Its datagram size is derived from <see cref="Mtu"/> and what the other layers add.
    /// </summary>
    public ArqOptions Arq { get; init; } = new();

    /// <summary>
    /// Forward error correction of what is sent; off by default. What arrives is understood either way.
    /// </summary>
    public FecOptions Fec { get; init; } = FecOptions.Off;

    /// <summary>Streams and their flow control.</summary>
    public SmuxOptions Mux { get; init; } = new();

    /// <summary>
    /// Makes the packet protection, once for each direction of each link; null leaves datagrams as they are.
    /// </summary>
    public Func<DatagramTransform>? PacketProtection { get; init; }

    /// <summary>Makes the codec between ARQ and mux (compression), once for each session; null for none.</summary>
    public Func<PacketPool, PipeCodec>? PipeCodec { get; init; }

    /// <summary>Makes the cipher of a stream's bytes, once for each stream; null for none.</summary>
    public Func<StreamCipher>? StreamCipher { get; init; }

    /// <summary>
    /// Makes the congestion controller, once for each session, from the payload bytes of a full segment.
    /// </summary>
    public Func<int, CongestionController> CongestionControl { get; init; } = static _ => new FixedController();

    /// <summary>Bytes of UDP payload a second that each session may send, parity included; 0 for no limit.</summary>
    public long RateLimit { get; init; }

    /// <summary>Fails if a value is out of its range, alone or together with others.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, its value and the range.</exception>
    public void Validate()
    {
        if (Mtu is < MinMtu or > MaxMtu)
        {
            throw new ArgumentOutOfRangeException(nameof(Mtu), Mtu, $"Mtu is in bytes and must be from {MinMtu} to {MaxMtu}.");
        }

        if (RateLimit < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(RateLimit), RateLimit, "RateLimit is in bytes a second and must not be negative; 0 is no limit.");
        }

        Arq.Validate();
        Fec.Validate();
        Mux.Validate();
    }
}
