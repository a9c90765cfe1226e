using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Causeway.TestKit;

/// <summary>Reads the golden vectors in <c>tests/vectors</c>: facts about the wire formats, recorded from the real thing.</summary>
public static class GoldenVectors
{
    /// <summary>The parsed file, e.g. <c>"fec.json"</c>.</summary>
    public static JsonElement Load(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder(), name)));
        return document.RootElement.Clone();
    }

    /// <summary>The bytes of a member written in hex.</summary>
    public static byte[] Hex(this JsonElement element, string member) =>
        Convert.FromHexString(element.GetProperty(member).GetString()!);

    /// <summary>The bytes of a string written in hex.</summary>
    public static byte[] Hex(this JsonElement element) => Convert.FromHexString(element.GetString()!);

    /// <summary>A 64-bit number written as 16 hex digits.</summary>
    public static ulong HexUInt64(this JsonElement element) =>
        ulong.Parse(element.GetString()!, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>The pattern that the vectors use for payloads: <c>byte[i] = (7 i + 3) mod 256</c>.</summary>
    public static byte[] Pattern(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = unchecked((byte)((7 * i) + 3));
        }

        return bytes;
    }

    private static string Folder([CallerFilePath] string thisFile = "") =>
        Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(thisFile)!)!, "vectors");
}
