using System.Globalization;
using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;
using Causeway.Kcp.Smux;

namespace Causeway.Kcp;

/// <summary>
/// KCP's segments with smux over them, alone or under kcptun's forward error correction. Both ends have to agree on
/// <see cref="Mux"/>'s version, <see cref="PipeCodec"/> and what protects packets and streams; the rest is local policy.
/// </summary>
public sealed record KcpProfile : TransportProfile
{
    // Under the largest headers there are (AEAD and FEC, 36 bytes) it leaves the 50 bytes that the reliable layer
    // needs.
    private const int MinMtu = 86;

    /// <summary>
    /// The reliable layer. Its datagram size is derived from <see cref="TransportProfile.Mtu"/> and what the other layers
    /// add.
    /// </summary>
    public ArqOptions Arq { get; init; } = new();

    /// <summary>
    /// Forward error correction of what is sent; off by default. What arrives is understood either way.
    /// </summary>
    public FecOptions Fec { get; init; } = FecOptions.Off;

    /// <summary>Streams and their flow control.</summary>
    public SmuxOptions Mux { get; init; } = new();

    /// <summary>Makes the codec between ARQ and mux (compression), once for each session; null for none.</summary>
    public Func<PacketPool, PipeCodec>? PipeCodec { get; init; }

    /// <inheritdoc/>
    public override int LeastMtu => MinMtu;

    /// <inheritdoc/>
    public override string StreamProtocol => string.Create(CultureInfo.InvariantCulture, $"smux version: {Mux.Version}");

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Arq.Validate();
        Fec.Validate();
        (Mux with { MemoryBudget = MemoryBudget }).Validate();
    }

    /// <inheritdoc/>
    public override KcpEndpoint NewEndpoint(EndpointRole role, in SessionLink link) => new(role, this, link);
}
