using System.Net;
using Causeway.Http3.Files;
using Causeway.Http3.Hq;
using Causeway.Http3.Transport;
using Causeway.TestKit;
using FsCheck.Xunit;

namespace Causeway.Http3.Tests;

/// <summary>Files over HTTP/3 and hq-interop, among them names that try to escape.</summary>
public sealed class FileTests : IDisposable
{
    private readonly DirectoryInfo _outer = Directory.CreateTempSubdirectory("causeway-h3-");
    private readonly StaticFiles _files;
    private readonly byte[] _large = new byte[3_000_001];

    public FileTests()
    {
        DirectoryInfo root = _outer.CreateSubdirectory("root");
        File.WriteAllText(Path.Combine(_outer.FullName, "secret"), "secret");
        File.WriteAllText(Path.Combine(root.FullName, ".hidden"), "hidden");
        File.WriteAllText(Path.Combine(root.FullName, "a b.txt"), "spaced");
        File.WriteAllText(Path.Combine(root.FullName, "empty"), "");
        File.WriteAllText(Path.Combine(root.CreateSubdirectory("sub").FullName, "index.html"), "index");
        new Random(7).NextBytes(_large);
        File.WriteAllBytes(Path.Combine(root.FullName, "large.bin"), _large);
        File.CreateSymbolicLink(Path.Combine(root.FullName, "link"), Path.Combine(_outer.FullName, "secret"));
        Directory.CreateSymbolicLink(Path.Combine(root.FullName, "linked"), _outer.FullName);
        Directory.CreateDirectory(_outer.FullName + Path.DirectorySeparatorChar + "rootless");
        File.WriteAllText(Path.Combine(_outer.FullName, "rootless", "x"), "secret");
        _files = new StaticFiles(root.FullName + Path.DirectorySeparatorChar);
    }

    public void Dispose() => _outer.Delete(recursive: true);

    [Theory]
    [InlineData("/a%20b.txt", "spaced")]
    [InlineData("/a%20b.txt?x=/../secret", "spaced")]
    [InlineData("/%61%20b.txt#f", "spaced")]
    [InlineData("/sub/index.html", "index")]
    [InlineData("/sub/", "index")]
    [InlineData("/empty", "")]
    public async Task ServesFilesBelowItsRoot(string target, string content)
    {
        await using FileStream? file = _files.TryOpen(target);
        Assert.NotNull(file);
        using StreamReader reader = new(file);
        Assert.Equal(content, await reader.ReadToEndAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("*")]
    [InlineData("secret")]
    [InlineData("/missing")]
    [InlineData("/sub")]
    [InlineData("/../secret")]
    [InlineData("/sub/../../secret")]
    [InlineData("/sub/..")]
    [InlineData("/./empty")]
    [InlineData("/%2e%2e/secret")]
    [InlineData("/%2E%2E%2Fsecret")]
    [InlineData("/..%2fsecret")]
    [InlineData("/..%5csecret")]
    [InlineData("/..\\secret")]
    [InlineData("/sub%2findex.html")]
    [InlineData("/%252e%252e/secret")]
    [InlineData("//empty")]
    [InlineData("//secret")]
    [InlineData("/sub//index.html")]
    [InlineData("/.hidden")]
    [InlineData("/%2ehidden")]
    [InlineData("/link")]
    [InlineData("/linked/secret")]
    [InlineData("/linked/root/empty")]
    [InlineData("/../rootless/x")]
    [InlineData("/empty%00")]
    [InlineData("/empty%00.txt")]
    [InlineData("/empty%0a")]
    [InlineData("/empty%")]
    [InlineData("/empty%2")]
    [InlineData("/empty%zz")]
    [InlineData("/%ff")]
    [InlineData("/%c0%ae%c0%ae/secret")]
    [InlineData("/empty.")]
    [InlineData("/empty%20")]
    [InlineData("/empty::$DATA")]
    [InlineData("/c:/secret")]
    [InlineData("/con")]
    [InlineData("/NUL.txt")]
    [InlineData("/\u4e2d")]
    [InlineData("https://a.example/empty")]
    public void RefusesWhatIsNoPlainNameBelowItsRoot(string target) => Assert.Null(_files.TryOpen(target));

    [Fact]
    public void RefusesLongTargets() => Assert.Null(_files.TryOpen("/" + new string('a', 5000)));

    [Property(MaxTest = 2000)]
    public void NoTargetLeadsOut(string? target)
    {
        foreach (string tried in new[] { target ?? "", "/" + target, "/sub/%2e" + target, "/" + Uri.EscapeDataString(target ?? "") })
        {
            using FileStream? file = _files.TryOpen(tried);
            Assert.True(file is null || file.Name.StartsWith(Path.Combine(_outer.FullName, "root") + Path.DirectorySeparatorChar, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void NoMutationOfATargetThrowsOrLeadsOut() => Mutator.Run(
        [.. new[] { "/sub/../../secret", "/%2e%2e/secret", "/a%20b.txt?x", "/sub/index.html" }.Select(System.Text.Encoding.Latin1.GetBytes)],
        20_000, seed: 0x0971e,
        input =>
        {
            if (RequestTarget.TrySplit(System.Text.Encoding.Latin1.GetString(input), out List<string> names))
            {
                Assert.DoesNotContain(names, static name => name is "." or ".." || name.AsSpan().ContainsAny("/\\\0"));
            }
        });

    [Fact]
    public async Task ServesOverHttp3()
    {
        await using Harness harness = new(_files.RespondAsync);
        using HttpResponseMessage large = await harness.Client.GetAsync("/large.bin");
        Assert.Equal(_large.Length, large.Content.Headers.ContentLength);
        Assert.Equal("application/octet-stream", large.Content.Headers.ContentType!.MediaType);
        Assert.NotNull(large.Content.Headers.LastModified);
        Assert.Equal(_large, await large.Content.ReadAsByteArrayAsync());

        using HttpResponseMessage head = await harness.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/large.bin"));
        Assert.Equal(_large.Length, head.Content.Headers.ContentLength);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());

        using HttpResponseMessage missing = await harness.Client.GetAsync("/%2e%2e/secret");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);

        using HttpResponseMessage refused = await harness.Client.PostAsync("/large.bin", new ByteArrayContent([1]));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, refused.StatusCode);
        Assert.Equal(["GET", "HEAD"], refused.Content.Headers.Allow);
    }

    [Fact]
    public async Task ServesOverHqInterop()
    {
        (MemoryTransport client, MemoryTransport server) = MemoryTransport.NewPair();
        using CancellationTokenSource shutdown = new();
        Task serving = new HqServer(_files, new Http3Limits { MaxConcurrentRequests = 8 }).ServeAsync(server, shutdown.Token);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async _ =>
        {
            await using Stream content = await HqClient.GetAsync(client, "/large.bin", default);
            MemoryStream all = new();
            await content.CopyToAsync(all).WaitAsync(Harness.Patience);
            Assert.True(_large.AsSpan().SequenceEqual(all.ToArray()));
        }));
        foreach (string target in new[] { "/missing", "/../secret", "/link" })
        {
            await using Stream content = await HqClient.GetAsync(client, target, default);
            Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(() => content.ReadAsync(new byte[1]).AsTask().WaitAsync(Harness.Patience));
            Assert.True(error.IsByPeer);
        }

        await shutdown.CancelAsync();
        await serving.WaitAsync(Harness.Patience);
        await Assert.ThrowsAsync<Http3Exception>(() => HqClient.GetAsync(client, "/empty", default).AsTask());
    }

    [Theory]
    [InlineData("GET /empty\r\n", true)]
    [InlineData("GET /empty\n", true)]
    [InlineData("GET /empty", true)]
    [InlineData("GET /empty HTTP/1.1\r\n\r\n", false)]
    [InlineData("get /empty\r\n", false)]
    [InlineData("POST /empty\r\n", false)]
    [InlineData("GET empty\r\n", false)]
    [InlineData("GET /emp\0ty\r\n", false)]
    [InlineData("\r\n", false)]
    [InlineData("", false)]
    public async Task ReadsRequestLinesOfHqInterop(string line, bool served)
    {
        (MemoryTransport client, MemoryTransport server) = MemoryTransport.NewPair();
        _ = new HqServer(_files).ServeAsync(server, default);
        Http3Stream stream = await new Peer(client).RequestAsync(System.Text.Encoding.Latin1.GetBytes(line));
        if (served)
        {
            Assert.Empty(await Peer.ReadToEndAsync(stream));
        }
        else
        {
            await Assert.ThrowsAsync<Http3Exception>(() => Peer.ReadToEndAsync(stream));
        }
    }

    [Fact]
    public async Task ARequestLineWithoutEndIsRefusedAtTheLimit()
    {
        (MemoryTransport client, MemoryTransport server) = MemoryTransport.NewPair();
        _ = new HqServer(_files).ServeAsync(server, default);
        Http3Stream stream = await new Peer(client).RequestAsync(
            [.. "GET /"u8, .. Enumerable.Repeat((byte)'a', HqRequest.MaxLength)], ends: false);
        Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(() => Peer.ReadToEndAsync(stream));
        Assert.Equal(Http3ErrorCode.MessageError, error.ErrorCode);
    }

    /// <summary>The end of a request is a frame of its own with many clients, which may be lost: a stopped stream is no answer to that.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ARequestWhoseEndIsLateIsNotStopped(bool isCancelled)
    {
        (MemoryTransport client, MemoryTransport server) = MemoryTransport.NewPair();
        using CancellationTokenSource shutdown = new();
        Task serving = new HqServer(_files, new Http3Limits { MaxConcurrentRequests = 1 }).ServeAsync(server, shutdown.Token);
        Http3Stream first = await new Peer(client).RequestAsync([.. "GET /empty\r\n"u8], ends: false);
        Assert.Empty(await Peer.ReadToEndAsync(first));

        // It keeps no place from another.
        Http3Stream second = await new Peer(client).RequestAsync([.. "GET /empty\r\n"u8], ends: false);
        Assert.Empty(await Peer.ReadToEndAsync(second));
        await first.WriteAsync("\r\n"u8.ToArray());
        if (isCancelled)
        {
            first.Abort(StreamDirections.Write, Http3ErrorCode.RequestCancelled);
        }
        else
        {
            first.CompleteWrites();
        }

        // Nor does it keep the server from ending.
        await shutdown.CancelAsync();
        await serving.WaitAsync(Harness.Patience);
    }

    [Fact]
    public async Task WhoeverSendsMoreThanARequestIsStopped()
    {
        (MemoryTransport client, MemoryTransport server) = MemoryTransport.NewPair();
        _ = new HqServer(_files).ServeAsync(server, default);
        Http3Stream stream = await new Peer(client).RequestAsync([.. "GET /empty\r\n"u8], ends: false);
        Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(async () =>
        {
            while (true)
            {
                await stream.WriteAsync(new byte[64 * 1024]).AsTask().WaitAsync(Harness.Patience);
            }
        });
        Assert.True(error.IsByPeer);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("/a b")]
    [InlineData("/a\r\nGET /b")]
    public async Task HqClientRefusesPathsThatCannotBeSent(string path)
    {
        (MemoryTransport client, _) = MemoryTransport.NewPair();
        await Assert.ThrowsAsync<ArgumentException>(() => HqClient.GetAsync(client, path, default).AsTask());
    }
}
