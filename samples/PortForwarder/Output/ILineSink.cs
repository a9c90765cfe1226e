namespace Causeway.PortForwarder.Output;

/// <summary>Where a <see cref="LineQueue"/> writes to. Called on the queue's thread only; may block, and may throw.</summary>
internal interface ILineSink
{
    /// <summary>Writes lines, each with its end.</summary>
    void Write(string lines);

    /// <summary>Opens the place anew, if it is one that can be.</summary>
    void Reopen();
}
