namespace Causeway.Protocol.Mux;

/// <summary>Which end of a session this is. It decides the parity of the stream ids.</summary>
public enum MuxRole
{
    /// <summary>The end that connected: odd stream ids.</summary>
    Client,

    /// <summary>The end that listened: even stream ids.</summary>
    Server,
}
