using System.Net.Security;
using System.Text;
using Causeway.PortForwarder.Forward;

namespace Causeway.PortForwarder.Quic;

/// <summary>The application protocols of the tools, and the names of cipher suites.</summary>
internal static class Alpn
{
    public static SslApplicationProtocol Http3 { get; } = new("h3");

    public static SslApplicationProtocol Hq { get; } = new("hq-interop");

    /// <summary>The suites of these names; null for all.</summary>
    /// <exception cref="UsageException">A name is not one, or the platform has no such choice.</exception>
    public static CipherSuitesPolicy? Policy(IReadOnlyList<string> names)
    {
        if (names.Count == 0)
        {
            return null;
        }

        if (OperatingSystem.IsWindows())
        {
            throw new UsageException("ciphers cannot be chosen on Windows");
        }

        return new CipherSuitesPolicy([.. names.Select(static name => Enum.TryParse(name, ignoreCase: true, out TlsCipherSuite suite)
            ? suite
            : throw new UsageException(
                $"\"{name}\" is no cipher suite; TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384 and TLS_CHACHA20_POLY1305_SHA256 are"))]);
    }
}

/// <summary>A file for the secrets of connections.</summary>
internal static class KeyLogFile
{
    /// <summary>What writes a line to the file; null if there is none.</summary>
    public static Action<string>? Open(string? path)
    {
        if (string.IsNullOrEmpty(path))
        {
            return null;
        }

        Lock gate = new();
        return line =>
        {
            lock (gate)
            {
                File.AppendAllText(path, line + "\n", Encoding.ASCII);
            }
        };
    }
}
