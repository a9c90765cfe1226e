using System.Net;
using System.Net.Quic;
using System.Security.Cryptography;
using Causeway.Http3;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Causeway.AspNetCore.Tests;

/// <summary>Kestrel's own HTTP/3 over the managed QUIC, asked by the client of Causeway.Http3.</summary>
public sealed class Http3Tests
{
    [Fact]
    public async Task AnswersOverHttp3()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(
            static app => app.MapGet("/", static (HttpContext context) => $"{context.Request.Protocol} {context.Request.Scheme}"));
        using HttpClient client = server.NewClient();
        Assert.Equal("HTTP/3 https", await client.GetStringAsync("/"));
    }
}
