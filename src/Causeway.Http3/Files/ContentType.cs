using System.Collections.Frozen;

namespace Causeway.Http3.Files;

/// <summary>Media types of files by their extension; those of the static table of QPACK in its spelling.</summary>
internal static class ContentType
{
    private static readonly FrozenDictionary<string, string> s_byExtension = new Dictionary<string, string>
    {
        [".css"] = "text/css",
        [".gif"] = "image/gif",
        [".html"] = "text/html; charset=utf-8",
        [".htm"] = "text/html; charset=utf-8",
        [".jpeg"] = "image/jpeg",
        [".jpg"] = "image/jpeg",
        [".js"] = "application/javascript",
        [".json"] = "application/json",
        [".md"] = "text/plain;charset=utf-8",
        [".mp4"] = "video/mp4",
        [".pdf"] = "application/pdf",
        [".png"] = "image/png",
        [".svg"] = "image/svg+xml",
        [".txt"] = "text/plain;charset=utf-8",
        [".wasm"] = "application/wasm",
        [".xml"] = "application/xml",
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    public static string OfFile(string name) =>
        s_byExtension.GetValueOrDefault(Path.GetExtension(name), "application/octet-stream");
}
