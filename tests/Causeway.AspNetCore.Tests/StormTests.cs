using System.Globalization;
using Causeway.Http3;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Causeway.AspNetCore.Tests;

/// <summary>
/// Many requests of which some are given up at any time: the others are answered right, and the server logs no error. The handler of
/// a request that is to be given up waits for that: Kestrel 10.0.12 has two races between an abort and a handler's end, which are no
/// matter of its transport. docs/aspnetcore.md tells of them.
/// </summary>
public sealed class StormTests
{
    private const int Clients = 8;
    private const int Rounds = 60;
    private const string GivesUp = "gives-up";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task GivingUpHurtsNobodyElse(int seed)
    {
        await using KestrelServer server = await KestrelServer.StartAsync(static app => app.MapPost("/{size:int}", static async (int size, HttpContext context) =>
        {
            using MemoryStream body = new();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            byte[] answer = new byte[size];
            Array.Fill(answer, (byte)body.Length);
            for (int sent = 0; sent < size; sent += 5000)
            {
                await context.Response.Body.WriteAsync(answer.AsMemory(sent, Math.Min(5000, size - sent)), context.RequestAborted);
            }

            if (context.Request.Headers.ContainsKey(GivesUp))
            {
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }));
        int answered = 0;
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async index =>
        {
            Random random = new(seed * 1000 + index);
            using HttpClient client = server.NewClient();
            for (int round = 0; round < Rounds; round++)
            {
                await Task.WhenAll(Enumerable.Range(0, random.Next(1, 6)).Select(_ => AskAsync(client, random.Next(), () => Interlocked.Increment(ref answered))));
            }
        }));
        Assert.True(answered > Clients * Rounds / 2, string.Create(CultureInfo.InvariantCulture, $"seed {seed}: only {answered} requests were answered"));
    }

    private static async Task AskAsync(HttpClient client, int seed, Action onAnswer)
    {
        Random random = new(seed);
        byte[] content = new byte[random.Next(0, 30_000)];
        int size = random.Next(0, 60_000);
        using CancellationTokenSource cancellation = new();
        bool givesUp = random.Next(3) == 0;
        if (givesUp)
        {
            // Anywhere from before the request has left to after the last byte of the answer.
            cancellation.CancelAfter(TimeSpan.FromMilliseconds(random.Next(0, 12)));
        }

        try
        {
            using HttpRequestMessage request = new(HttpMethod.Post, $"/{size}") { Content = new ByteArrayContent(content) };
            if (givesUp)
            {
                request.Headers.Add(GivesUp, "true");
            }

            using HttpResponseMessage response = await client.SendAsync(request, cancellation.Token);
            byte[] answer = await response.Content.ReadAsByteArrayAsync(cancellation.Token);
            Assert.Equal(size, answer.Length);
            Assert.False(answer.AsSpan().ContainsAnyExcept((byte)content.Length));
            onAnswer();
        }
        catch (OperationCanceledException) when (givesUp)
        {
            // As it wanted.
        }
        catch (HttpRequestException error) when (givesUp && error.InnerException is Http3Exception)
        {
            // The cancellation was noticed by the content first.
        }
    }
}
