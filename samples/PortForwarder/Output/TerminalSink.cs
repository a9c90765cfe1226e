namespace Causeway.PortForwarder.Output;

/// <summary>Lines to the standard error.</summary>
internal sealed class TerminalSink(TextWriter writer) : ILineSink
{
    public void Write(string lines)
    {
        writer.Write(lines);
        writer.Flush();
    }

    public void Reopen()
    {
        // There is nothing to open: the standard error is what the process was given.
    }
}
