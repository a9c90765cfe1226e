using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore.Tests;

/// <summary>A web application that has started, with its log. An orderly run logs no errors, which disposal checks.</summary>
internal abstract class RunningServer(WebApplication app, LogCollector logs) : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private const int LinesOfFailure = 50;

    private bool _isStopped;

    public LogCollector Logs => logs;

    protected IEnumerable<string> Addresses => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;

    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        _isStopped = true;
        try
        {
            await app.StopAsync(cancellationToken).WaitAsync(Patience, CancellationToken.None);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"The server did not stop. Its last lines:\n{string.Join('\n', Logs.AtLeast(LogLevel.Debug).TakeLast(LinesOfFailure))}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_isStopped)
        {
            await StopAsync();
        }

        await app.DisposeAsync();
        string[] errors = [.. Logs.AtLeast(LogLevel.Error)];
        Assert.True(errors.Length == 0, string.Join('\n', errors));
    }

    /// <summary>A builder that logs into the collector alone.</summary>
    protected static (WebApplicationBuilder Builder, LogCollector Logs) NewBuilder(Action<WebApplicationBuilder>? build)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        LogCollector logs = new();
        builder.Logging.ClearProviders().AddProvider(logs).SetMinimumLevel(LogLevel.Debug);
        build?.Invoke(builder);
        return (builder, logs);
    }
}
