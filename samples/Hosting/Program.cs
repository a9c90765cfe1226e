using System.Security.Cryptography;
using Causeway.Samples.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings
{
    Args = args,
    ContentRootPath = AppContext.BaseDirectory,                     // where appsettings.json and echo.secret are
});

// Both ends are here, so that the sample can make the secret. Else it comes with the deployment.
string secret = Path.Combine(AppContext.BaseDirectory, "echo.secret");
if (!File.Exists(secret))
{
    File.WriteAllText(secret, Convert.ToHexString(RandomNumberGenerator.GetBytes(32)));
}

builder.Services.AddCauseway()
    .AddListener<EchoHandler>("echo")
    .AddClient("echo");
builder.Services.AddHealthChecks().AddCauseway();
builder.Services.AddHostedService<AskWorker>();

await builder.Build().RunAsync();
