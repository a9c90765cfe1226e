namespace Causeway.Protocol;

/// <summary>Which end of a session this is. It decides the parity of the stream ids.</summary>
public enum EndpointRole
{
    /// <summary>The end that connected: odd stream ids.</summary>
    Client,

    /// <summary>The end that listened: even stream ids.</summary>
    Server,
}
