using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Causeway.Interop.Tests.Quic;

/// <summary>Chromium loads a page, and all that its script asks for, from Kestrel's HTTP/3 over our QUIC.</summary>
public sealed class ChromiumInteropTests
{
    private const int Items = 50;

    // The script tells the protocol of each answer as the browser saw it, and what an echo of 300 kB came back as.
    private const string Page = """
        <!doctype html><title>h3</title><script>
        (async () => {
          const items = await Promise.all([...Array(50).keys()].map(async i => (await (await fetch('/item/' + i)).arrayBuffer()).byteLength));
          const body = new Uint8Array(300000).map((_, i) => i % 251);
          const echo = new Uint8Array(await (await fetch('/echo', { method: 'POST', body })).arrayBuffer());
          const same = echo.length == body.length && echo.every((b, i) => b == body[i]);
          const protocols = new Set(performance.getEntriesByType('resource').filter(e => e.name.includes('/item/')).map(e => e.nextHopProtocol));
          await fetch('/done', { method: 'POST', body: items.reduce((a, b) => a + b) + ' ' + same + ' ' + [...protocols].join() });
        })();
        </script>
        """;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [ChromiumFact]
    public async Task ThePageAndItsScriptRunOverHttp3()
    {
        TaskCompletionSource<string> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ConcurrentBag<string> protocols = [];
        using X509Certificate2 certificate = KestrelHost.NewCertificate("localhost");
        await using WebApplication app = await KestrelHost.StartAsync(certificate, app =>
        {
            app.Use((context, next) =>
            {
                protocols.Add(context.Request.Protocol);
                return next(context);
            });
            app.MapGet("/", static () => Results.Content(Page, "text/html"));
            app.MapGet("/item/{i:int}", static (int i) => Results.Bytes(new byte[i * 100]));
            app.MapPost("/echo", static async (HttpContext context) =>
            {
                using MemoryStream body = new();
                await context.Request.Body.CopyToAsync(body);
                return Results.Bytes(body.ToArray());
            });
            app.MapPost("/done", async (HttpContext context) =>
            {
                using StreamReader reader = new(context.Request.Body);
                done.TrySetResult(await reader.ReadToEndAsync());
                return "thanks";
            });
        });
        Uri root = KestrelHost.Root(app);
        string key = Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
        DirectoryInfo folder = Directory.CreateTempSubdirectory("causeway-chromium-");
        try
        {
            using PeerProcess browser = new(
                QuicPrograms.Chromium!,
                [
                    "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", $"--user-data-dir={folder.FullName}",
                    $"--origin-to-force-quic-on=localhost:{root.Port}", $"--ignore-certificate-errors-spki-list={key}",
                    "--host-resolver-rules=MAP localhost 127.0.0.1", $"https://localhost:{root.Port}/",
                ]);
            Task ended = await Task.WhenAny(done.Task, browser.WaitForExitAsync(CancellationToken.None), Task.Delay(s_patience));
            Assert.True(ended == done.Task, browser.LastLines);
            Assert.Equal($"{Enumerable.Range(0, Items).Sum() * 100} true h3", await done.Task);
            Assert.All(protocols, static protocol => Assert.Equal("HTTP/3", protocol));
        }
        finally
        {
            await RemoveAsync(folder);
        }
    }

    // A browser's processes go on writing for a moment after it was killed.
    private static async Task RemoveAsync(DirectoryInfo folder)
    {
        for (int i = 0; i < 50; i++)
        {
            try
            {
                folder.Delete(recursive: true);
                return;
            }
            catch (IOException)
            {
                await Task.Delay(100);
            }
        }
    }
}

/// <summary>A fact about Chromium; skipped, with the reason, where it is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ChromiumFactAttribute : FactAttribute
{
    public ChromiumFactAttribute() =>
        Skip = QuicPrograms.Chromium is null ? "chromium is missing (Debian: apt-get install chromium)" : null;
}
