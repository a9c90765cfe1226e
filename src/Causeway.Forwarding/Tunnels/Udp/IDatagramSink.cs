namespace Causeway.Forwarding.Tunnels.Udp;

/// <summary>Where the datagrams of a flow go that the peer sent.</summary>
internal interface IDatagramSink
{
    /// <summary>Takes a payload, and does not wait. Called by several threads at once; the payload is the caller's again afterwards.</summary>
    void Deliver(ReadOnlySpan<byte> payload);
}
