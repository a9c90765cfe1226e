using System.Runtime.InteropServices;

namespace Causeway.PortForwarder.Output;

/// <summary>
/// The standard output and error, if the process was given them. Where it was started with one of them closed, that number is
/// free for the first file, pipe or socket that the runtime or the program opens, and lines would go into that.
/// </summary>
internal static partial class StandardStreams
{
    private const int OutputNumber = 1;
    private const int ErrorNumber = 2;

    // fcntl(2), the same on Linux and the BSDs.
    private const int GetDescriptorFlags = 1;
    private const int CloseOnExec = 1;

    /// <summary>The standard output, or nothing if the process has none.</summary>
    public static TextWriter Output { get; } = IsGiven(OutputNumber) ? Console.Out : TextWriter.Null;

    /// <summary>The standard error, or nothing if the process has none.</summary>
    public static TextWriter Error { get; } = IsGiven(ErrorNumber) ? Console.Error : TextWriter.Null;

    // What outlived the start of the program is not to be closed by the start of one; all that the runtime opens is.
    private static bool IsGiven(int number)
    {
        if (OperatingSystem.IsWindows())
        {
            return true;
        }

        try
        {
            int flags = Control(number, GetDescriptorFlags);
            return flags >= 0 && (flags & CloseOnExec) == 0;
        }
        catch (Exception problem) when (problem is DllNotFoundException or EntryPointNotFoundException)
        {
            return true;
        }
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int descriptor, int command);
}
