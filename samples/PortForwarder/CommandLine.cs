using System.Reflection;
using Causeway.Kcptun.Configuration;
using Causeway.PortForwarder.Demo;

namespace Causeway.PortForwarder;

/// <summary>The command <c>causeway</c>: picks what to do, and turns whatever goes wrong into one line and an exit code.</summary>
internal static class CommandLine
{
    /// <summary>Everything went well.</summary>
    public const int Success = 0;

    /// <summary>Something failed that is not the user's writing, such as a port that is in use.</summary>
    public const int Failed = 1;

    /// <summary>An option, a value or a configuration file cannot be used.</summary>
    public const int BadUsage = 2;

    private const string Commands = "client, server, demo, --help, --version";

    public static string Version { get; } =
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "?";

    /// <summary>Runs a command line.</summary>
    /// <param name="args">The arguments without the program's name.</param>
    /// <param name="output">Where help and version go.</param>
    /// <param name="error">Where errors go, and log lines unless they go to a file.</param>
    /// <param name="stop">Ends a forwarder like SIGTERM.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken stop = default)
    {
        try
        {
            return await DispatchAsync(args, output, error, stop).ConfigureAwait(false);
        }
        catch (KcptunConfigException problem)
        {
            return Report(error, problem, BadUsage);
        }
        catch (Exception problem)
        {
            return Report(error, problem, Failed);
        }
    }

    private static async Task<int> DispatchAsync(string[] args, TextWriter output, TextWriter error, CancellationToken stop)
    {
        switch (args)
        {
            case []:
                throw new KcptunConfigException($"a command is missing; allowed: {Commands}");
            case ["client", .. string[] options]:
                return await ForwardCommand.RunClientAsync(options, output, error, stop).ConfigureAwait(false);
            case ["server", .. string[] options]:
                return await ForwardCommand.RunServerAsync(options, output, error, stop).ConfigureAwait(false);
            case ["demo", .. string[] options]:
                return await DemoCommand.RunAsync(options, output).ConfigureAwait(false);
            case ["--help" or "-help" or "-h" or "help", ..]:
                await output.WriteAsync(HelpText.Overview).ConfigureAwait(false);
                return Success;
            case ["--version" or "-version" or "-v" or "version", ..]:
                await output.WriteLineAsync($"causeway version {Version}").ConfigureAwait(false);
                return Success;
            default:
                throw new KcptunConfigException($"the command is \"{args[0]}\"; allowed: {Commands}");
        }
    }

    private static int Report(TextWriter error, Exception problem, int exitCode)
    {
        error.WriteLine($"causeway: {OneLine(problem.Message)}");
        if (Environment.GetEnvironmentVariable("CAUSEWAY_DEBUG") == "1")
        {
            error.WriteLine(problem);
        }

        error.Flush();
        return exitCode;
    }

    private static string OneLine(string text) =>
        string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
