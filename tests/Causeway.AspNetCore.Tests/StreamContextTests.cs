using System.IO.Pipelines;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;

namespace Causeway.AspNetCore.Tests;

/// <summary>The streams of a connection as Kestrel has them from the transport, without Kestrel's own use of them.</summary>
public sealed class StreamContextTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task NothingIsReadAfterAnAbort(bool both)
    {
        await RunAsync(
            async connection =>
            {
                ConnectionContext stream = (await connection.AcceptAsync())!;
                PipeReader input = stream.Transport.Input;
                ReadResult read = await input.ReadAsync();
                input.AdvanceTo(read.Buffer.Start);
                ConnectionAbortedException reason = new("Enough.");
                if (both)
                {
                    stream.Abort(reason);
                }
                else
                {
                    stream.Features.GetRequiredFeature<IStreamAbortFeature>().AbortRead(1, reason);
                }

                // What came before is still there, and Kestrel would begin a request with it.
                ConnectionAbortedException waited = await Assert.ThrowsAsync<ConnectionAbortedException>(() => input.ReadAsync().AsTask());
                ConnectionAbortedException tried = Assert.Throws<ConnectionAbortedException>(() => input.TryRead(out _));
                Assert.Equal(("Enough.", "Enough."), (waited.Message, tried.Message));
                await stream.DisposeAsync();
            },
            static async client =>
            {
                CausewayStream stream = await client.OpenStreamAsync();
                await stream.WriteAsync("abc"u8.ToArray());
            });
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Abort")]
    [InlineData("AbortRead")]
    [InlineData("AbortWrite")]
    public async Task AContextThatIsAbortedAfterItsEndServesNoOtherStream(string? abort)
    {
        await RunAsync(
            async connection =>
            {
                ConnectionContext first = await ServeAsync(connection);
                ConnectionAbortedException reason = new("Too late.");
                IStreamAbortFeature feature = first.Features.GetRequiredFeature<IStreamAbortFeature>();
                switch (abort)
                {
                    case "Abort":
                        first.Abort(reason);
                        break;
                    case "AbortRead":
                        feature.AbortRead(1, reason);
                        break;
                    case "AbortWrite":
                        feature.AbortWrite(1, reason);
                        break;
                }

                ((IDisposable)first).Dispose();
                Assert.Equal(abort is null, first == await ServeAsync(connection));
            },
            static async client =>
            {
                for (int i = 0; i < 2; i++)
                {
                    CausewayStream stream = await client.OpenStreamAsync();
                    await stream.WriteAsync("abc"u8.ToArray(), completeWrites: true);
                    Assert.Equal(0, await stream.ReadAsync(new byte[1]));
                }
            });

        static async Task<ConnectionContext> ServeAsync(MultiplexedConnectionContext connection)
        {
            ConnectionContext stream = (await connection.AcceptAsync())!;
            ReadResult read;
            do
            {
                read = await stream.Transport.Input.ReadAsync();
                stream.Transport.Input.AdvanceTo(read.Buffer.End);
            }
            while (!read.IsCompleted);
            await stream.Transport.Input.CompleteAsync();
            await stream.Transport.Output.CompleteAsync();
            await stream.DisposeAsync();
            return stream;
        }
    }

    private static async Task RunAsync(Func<MultiplexedConnectionContext, Task> serve, Func<CausewayConnection, Task> ask)
    {
        TaskCompletionSource served = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using KestrelServer server = await KestrelServer.StartAsync(
            static _ => { },
            listen: endpoint =>
            {
                endpoint.UseHttps(TestCertificate.Default);
                ((IMultiplexedConnectionBuilder)endpoint).Use(_ => async connection =>
                {
                    try
                    {
                        await serve(connection);
                        served.SetResult();
                    }
                    catch (Exception error)
                    {
                        served.SetException(error);
                    }
                });
            });
        await using CausewayConnection client = await server.ConnectAsync();
        await Task.WhenAll(served.Task, ask(client)).WaitAsync(KestrelServer.Patience);
    }
}
