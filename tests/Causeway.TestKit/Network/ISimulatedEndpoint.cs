using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>
/// A sans-I/O endpoint: what a <see cref="SimulatedNetwork"/> drives. Bytes and the time go in, datagrams and the next
/// deadline come out.
/// </summary>
/// <remarks>
/// The network calls, at each instant at which something happens to the endpoint: <see cref="Receive"/> for every
/// datagram that arrives then, and <see cref="Turn"/> once after them, or when <see cref="NextDeadline"/> has come.
/// Times are those of the endpoint's own clock (<see cref="SimulatedHost.ClockOffset"/>) and never decrease.
/// </remarks>
public interface ISimulatedEndpoint
{
    /// <summary>
    /// When <see cref="Turn"/> wants to be called at the latest, or <see cref="Timestamp.Never"/>. After a turn it lies in
    /// the future; an endpoint that asks for a turn at the same instant again and again is reported as a livelock. Only a turn may change it
    /// in between: whoever does something to the endpoint from outside wakes its host.
    /// </summary>
    Timestamp NextDeadline { get; }

    /// <summary>
    /// A datagram arrived from <see cref="PacketBuffer.Peer"/>. It is borrowed: whoever keeps it, or a slice of it, takes a reference.
    /// The payload may be rewritten in place.
    /// </summary>
    void Receive(PacketBuffer datagram, Timestamp now);

    /// <summary>Handles the timers that have expired, and sends what may leave now.</summary>
    void Turn(Timestamp now, IDatagramOutput output);
}
