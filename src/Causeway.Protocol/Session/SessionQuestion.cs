namespace Causeway.Protocol;

/// <summary>
/// Something that a session cannot know by itself, and that may take time to find out: which certificate to show, whether the
/// peer's is to be trusted. See <see cref="TransportSession.TakeQuestion"/>.
/// </summary>
public abstract class SessionQuestion
{
    private protected SessionQuestion()
    {
    }

    /// <summary>
    /// Finds the answer. It may run code of the application, wait and throw, so that it is not for a session's turn. Called once.
    /// </summary>
    public abstract ValueTask FindAsync(CancellationToken cancellationToken);

    /// <summary>Gives the session the answer that was found; on its turn.</summary>
    /// <param name="error">What <see cref="FindAsync"/> threw; null if it found an answer.</param>
    /// <param name="now">The time.</param>
    public abstract void Give(Exception? error, Timestamp now);
}
