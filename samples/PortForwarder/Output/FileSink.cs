using System.Text;

namespace Causeway.PortForwarder.Output;

/// <summary>
/// Lines to the end of a file. One that cannot be opened or written is warned of once, and tried again with the next lines:
/// a disk may be full for a while.
/// </summary>
internal sealed class FileSink(string path, Action<string> warn) : ILineSink
{
    private FileStream? _file;
    private bool _isWarned;

    public void Write(string lines)
    {
        try
        {
            FileStream file = _file ??= Open();
            if (file.CanSeek)
            {
                // Somebody else may have appended to it, or cut it (logrotate's copytruncate).
                file.Seek(0, SeekOrigin.End);
            }

            file.Write(Encoding.UTF8.GetBytes(lines));
            _isWarned = false;
        }
        catch (Exception problem) when (IsOfFiles(problem))
        {
            Warn(problem, "its lines are dropped until it can");
            throw;
        }
    }

    /// <summary>Goes on in a file of the same name, since the old one may have been renamed; or else in the old one.</summary>
    public void Reopen()
    {
        try
        {
            FileStream file = Open();
            _file?.Dispose();
            _file = file;
        }
        catch (Exception problem) when (IsOfFiles(problem))
        {
            Warn(problem, _file is null ? "its lines are dropped until it can" : "it goes on in the file that was open");
        }
    }

    private static bool IsOfFiles(Exception problem) =>
        problem is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException;

    // No buffer: a batch of lines is one write, and nothing of a write that failed is left to fail again.
    private FileStream Open() =>
        new(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    private void Warn(Exception problem, string consequence)
    {
        if (!_isWarned)
        {
            _isWarned = true;
            warn($"log is \"{path}\", which cannot be appended to: {problem.Message.TrimEnd('.')}; {consequence}");
        }
    }
}
