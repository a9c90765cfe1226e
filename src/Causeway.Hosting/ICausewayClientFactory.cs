namespace Causeway.Hosting;

/// <summary>Gives connections by the names of the clients that were added. Thread-safe.</summary>
public interface ICausewayClientFactory
{
    /// <summary>
    /// The connection that all callers with this name share: the open one, or a new one if there is none or it has ended. Leave it open; the
    /// host closes it.
    /// </summary>
    /// <param name="name">The client's name.</param>
    /// <param name="cancellationToken">Ends the wait; others may wait for the same connection.</param>
    /// <exception cref="ArgumentException">No client has the name.</exception>
    /// <exception cref="TransportException">The server cannot be reached, or one end refused the other.</exception>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">A setting cannot be used; a host finds it at its start.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The host has stopped.</exception>
    ValueTask<CausewayConnection> GetConnectionAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>A new connection that is the caller's own, to be closed and disposed by it.</summary>
    /// <param name="name">The client's name.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <inheritdoc cref="GetConnectionAsync"/>
    ValueTask<CausewayConnection> ConnectAsync(string name, CancellationToken cancellationToken = default);
}
