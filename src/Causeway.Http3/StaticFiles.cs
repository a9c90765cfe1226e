using System.Globalization;
using Causeway.Http3.Files;

namespace Causeway.Http3;

/// <summary>Answers requests with the files of one folder. Thread-safe.</summary>
/// <remarks>
/// Nothing outside the folder is served: names are decoded before they are judged, "..", names that begin with a dot, and names
/// with a meaning to the system are refused, and links are not followed. Whoever can write to the folder while it is served is
/// trusted. Folders are not listed; a path that ends in a slash names "index.html" in it.
/// </remarks>
public sealed class StaticFiles
{
    private const int BufferSize = 64 * 1024;

    private readonly string _root;

    /// <summary>Serves a folder.</summary>
    /// <param name="root">The folder.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public StaticFiles(string root)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        if (!Directory.Exists(_root))
        {
            throw new DirectoryNotFoundException($"There is no folder '{root}'.");
        }
    }

    /// <summary>
    /// Answers a request of HTTP/3: GET and HEAD with 200 and the file's length and type, or 404; others with 405. Usable as
    /// the handler of an <see cref="Http3Server"/>.
    /// </summary>
    public ValueTask<Http3Response> RespondAsync(Http3Request request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Respond(request.Method, request.Path));
    }

    /// <summary>Opens the file that a target names.</summary>
    /// <param name="target">Path and query of a request, percent-encoded.</param>
    /// <returns>The file, or null if there is none that may be served.</returns>
    public FileStream? TryOpen(string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (!RequestTarget.TrySplit(target, out List<string> names))
        {
            return null;
        }

        if (names[^1].Length == 0)
        {
            names[^1] = "index.html";
        }

        try
        {
            string path = _root;
            foreach (string name in names)
            {
                path = Path.Join(path, name);
                if (new FileInfo(path).LinkTarget is not null)
                {
                    return null;
                }
            }

            // The rules for names make this true; it is checked for its own sake.
            if (!Path.GetFullPath(path).StartsWith(Path.Join(_root, Path.DirectorySeparatorChar.ToString()), StringComparison.Ordinal)
                || !File.Exists(path))
            {
                return null;
            }

            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferSize, FileOptions.Asynchronous);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Another process has it, or it may not be read.
            return null;
        }
    }

    internal Http3Response Respond(string method, string target)
    {
        if (method is not ("GET" or "HEAD"))
        {
            Http3Response refusal = new(405);
            refusal.Headers.Add(new HttpField("allow", "GET, HEAD"));
            return refusal;
        }

        if (TryOpen(target) is not { } file)
        {
            Http3Response missing = new(404);
            missing.Headers.Add(new HttpField("content-length", "0"));
            return missing;
        }

        Http3Response response = new(200) { Body = file };
        response.Headers.Add(new HttpField("content-type", ContentType.OfFile(file.Name)));
        response.Headers.Add(new HttpField("content-length", file.Length.ToString(CultureInfo.InvariantCulture)));
        response.Headers.Add(new HttpField(
            "last-modified", File.GetLastWriteTimeUtc(file.SafeFileHandle).ToString("r", CultureInfo.InvariantCulture)));
        response.Headers.Add(new HttpField("x-content-type-options", "nosniff"));
        return response;
    }
}
