using System.Text;
using Causeway.Hosting;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Causeway.Samples.Hosting;

/// <summary>Asks the listener once over the client's connection, prints the answer and what the health check says, and ends the host.</summary>
internal sealed class AskWorker(ICausewayClientFactory clients, HealthCheckService health, IHostApplicationLifetime lifetime) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        CausewayConnection connection = await clients.GetConnectionAsync("echo", stoppingToken);
        await using CausewayStream stream = await connection.OpenStreamAsync(stoppingToken);
        await stream.WriteAsync("hello from a worker"u8.ToArray(), completeWrites: true, stoppingToken);
        using StreamReader reader = new(stream, Encoding.UTF8);
        Console.WriteLine($"answer: {await reader.ReadToEndAsync(stoppingToken)}");

        HealthReport report = await health.CheckHealthAsync(stoppingToken);
        Console.WriteLine($"health: {report.Status}");
        foreach ((string name, object state) in report.Entries["causeway"].Data)
        {
            Console.WriteLine($"  {name}: {state}");
        }

        lifetime.StopApplication();
    }
}
