using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>Where an endpoint's datagrams leave to.</summary>
public interface IDatagramOutput
{
    /// <summary>Where to rent the buffers of datagrams.</summary>
    PacketPool Pool { get; }

    /// <summary>
    /// Sends a datagram to its <see cref="PacketBuffer.Peer"/>; where that is none, to the endpoint that was connected
    /// first. The output takes the caller's reference over.
    /// </summary>
    void Send(PacketBuffer datagram);
}
