namespace Causeway.AspNetCore;

/// <summary>
/// The connection of Causeway below a connection or a stream of Kestrel: among the features of a connection, and of the
/// <c>HttpContext</c> of every request that came over it.
/// </summary>
public interface ICausewayConnectionFeature
{
    /// <summary>The connection; for its statistics and its peer. Kestrel closes it.</summary>
    CausewayConnection Connection { get; }
}
