using System.Reflection;
using Causeway.Kcptun.Configuration;
using Causeway.PortForwarder.Demo;
using Causeway.PortForwarder.Forward;
using Causeway.PortForwarder.Output;
using Causeway.PortForwarder.Quic;

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

    // For the last lines; a standard error that takes none is not waited for.
    private static readonly TimeSpan s_lastLines = TimeSpan.FromSeconds(2);

    private const string Commands = "client, server, keygen, quic, kcptun, demo, --help, --version";

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
        using LineQueue errors = new(new TerminalSink(error), TimeProvider.System);
        try
        {
            return await DispatchAsync(args, output, errors, stop).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is KcptunConfigException or UsageException)
        {
            return Report(errors, problem, BadUsage);
        }
        catch (Exception problem)
        {
            return Report(errors, problem, Failed);
        }
        finally
        {
            errors.Flush(s_lastLines);
        }
    }

    /// <summary>Prints what was asked for.</summary>
    /// <exception cref="IOException">The output does not take it.</exception>
    public static async Task<int> PrintAsync(TextWriter output, string text)
    {
        try
        {
            await output.WriteAsync(text).ConfigureAwait(false);
            await output.FlushAsync().ConfigureAwait(false);
            return Success;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"cannot write to the standard output: {problem.Message}", problem);
        }
    }

    private static async Task<int> DispatchAsync(string[] args, TextWriter output, LineQueue errors, CancellationToken stop)
    {
        switch (args)
        {
            case []:
                throw new KcptunConfigException($"a command is missing; allowed: {Commands}");
            case ["kcptun", "client", .. string[] options]:
                return await KcptunCommands.RunClientAsync(options, output, errors, stop).ConfigureAwait(false);
            case ["kcptun", "server", .. string[] options]:
                return await KcptunCommands.RunServerAsync(options, output, errors, stop).ConfigureAwait(false);
            case ["kcptun", ..]:
                throw new KcptunConfigException("kcptun is followed by client or server, and kcptun's own flags");
            case ["quic", .. string[] options]:
                return await QuicCommands.RunAsync(options, output, errors, stop).ConfigureAwait(false);
            case ["client" or "server" or "keygen", .. string[] options]:
                return await ForwardCommands.RunAsync(args[0], options, output, errors, stop).ConfigureAwait(false);
            case ["demo", .. string[] options]:
                return await DemoCommand.RunAsync(options, output).ConfigureAwait(false);
            case ["--help" or "-help" or "-h" or "help", ..]:
                return await PrintAsync(output, HelpText.Overview).ConfigureAwait(false);
            case ["--version" or "-version" or "-v" or "version", ..]:
                return await PrintAsync(output, $"causeway version {Version}{output.NewLine}").ConfigureAwait(false);
            default:
                throw new KcptunConfigException($"the command is \"{args[0]}\"; allowed: {Commands}");
        }
    }

    private static int Report(LineQueue errors, Exception problem, int exitCode)
    {
        errors.Add($"causeway: {OneLine(problem.Message)}", stamped: false);
        if (Environment.GetEnvironmentVariable("CAUSEWAY_DEBUG") == "1")
        {
            foreach (string line in problem.ToString().Split('\n'))
            {
                errors.Add(line.TrimEnd('\r'), stamped: false);
            }
        }

        return exitCode;
    }

    private static string OneLine(string text) =>
        string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
