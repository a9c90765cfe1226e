namespace Causeway.Links;

/// <summary>A link to one peer, whose datagrams alone the system lets in until told otherwise.</summary>
internal interface IConnectedLink
{
    /// <summary>
    /// Receives from anyone from now on; what is sent goes where it went before, from the same port. Not while a send is
    /// under way.
    /// </summary>
    /// <returns>False if the system has no such way.</returns>
    bool TryDisconnect();

    /// <summary>Receives from the peer alone again.</summary>
    /// <returns>False if the system refused.</returns>
    bool TryReconnect();
}
