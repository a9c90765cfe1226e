using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Causeway.Interop.Tests.Quic;

/// <summary>ngtcp2's HTTP/3 client against Kestrel's HTTP/3 over our QUIC.</summary>
public sealed class KestrelInteropTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [NgtcpClientFact]
    public async Task FilesArriveWhole()
    {
        byte[] content = RandomNumberGenerator.GetBytes(5_000_000);
        using X509Certificate2 certificate = KestrelHost.NewCertificate("kestrel.test");
        await using WebApplication app = await KestrelHost.StartAsync(certificate, app =>
            app.MapGet("/{name}", (string name, HttpContext context) => Results.Bytes(context.Request.Protocol == "HTTP/3" ? content[name.Length..] : [])));
        DirectoryInfo folder = Directory.CreateTempSubdirectory("causeway-kestrel-");
        try
        {
            Uri root = KestrelHost.Root(app);
            string[] names = ["a", "bb", "ccc", "dddd"];
            using CancellationTokenSource limit = new(s_patience);
            using PeerProcess client = new(
                QuicPrograms.NgtcpClient!,
                [
                    "-q", "--exit-on-all-streams-close", "--download", folder.FullName, root.Host, $"{root.Port}",
                    .. names.Select(name => new Uri(root, name).ToString()),
                ]);
            await client.WaitForExitAsync(limit.Token);
            foreach (string name in names)
            {
                string path = Path.Combine(folder.FullName, name);
                Assert.True(File.Exists(path), client.LastLines);
                Assert.Equal(SHA256.HashData(content.AsSpan(name.Length)), SHA256.HashData(await File.ReadAllBytesAsync(path)));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [NgtcpClientFact]
    public async Task ContentArrivesWhole()
    {
        byte[] content = RandomNumberGenerator.GetBytes(3_000_000);
        TaskCompletionSource<byte[]> hashed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using X509Certificate2 certificate = KestrelHost.NewCertificate("kestrel.test");
        await using WebApplication app = await KestrelHost.StartAsync(certificate, app => app.MapPost("/", async (HttpContext context) =>
        {
            hashed.SetResult(await SHA256.HashDataAsync(context.Request.Body));
            return "taken";
        }));
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, content);
            Uri root = KestrelHost.Root(app);
            using CancellationTokenSource limit = new(s_patience);
            using PeerProcess client = new(
                QuicPrograms.NgtcpClient!, ["-q", "--exit-on-all-streams-close", "-m", "POST", "-d", file, root.Host, $"{root.Port}", root.ToString()]);
            await client.WaitForExitAsync(limit.Token);
            Assert.True(hashed.Task.IsCompleted, client.LastLines);
            Assert.Equal(SHA256.HashData(content), await hashed.Task);
        }
        finally
        {
            File.Delete(file);
        }
    }
}

/// <summary>A fact about ngtcp2's client; skipped, with the reason, where it is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NgtcpClientFactAttribute : FactAttribute
{
    public NgtcpClientFactAttribute() =>
        Skip = QuicPrograms.NgtcpClient is null ? "gtlsclient is missing (Debian: apt-get install ngtcp2-client)" : null;
}
