namespace Causeway.Runtime;

/// <summary>An application's code that waits for the end of a shard's turn to go on.</summary>
internal interface IResumption
{
    /// <summary>Runs it. Called on the shard, outside of any work of its own.</summary>
    void Resume();
}
