using System.Text;

namespace Causeway.PortForwarder;

/// <summary>
/// The program acts as kcptun's when it is started by that name, through a link: <c>kcptun-client</c>, <c>kcptun-server</c>.
/// </summary>
internal static class InvokedName
{
    /// <summary>The arguments with what the name stands for before them.</summary>
    public static string[] Apply(string[] args) => Of(Read(), args);

    /// <summary>The same for a given name.</summary>
    internal static string[] Of(string name, string[] args) => Path.GetFileNameWithoutExtension(name) switch
    {
        "kcptun-client" => ["kcptun", "client", .. args],
        "kcptun-server" => ["kcptun", "server", .. args],
        _ => args,
    };

    // The runtime gives the path of the program's file, with links resolved; the system remembers what was typed.
    private static string Read()
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                string all = Encoding.UTF8.GetString(File.ReadAllBytes("/proc/self/cmdline"));
                return all.Split('\0')[0];
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // No such file system: the other name has to do.
        }

        return Environment.GetCommandLineArgs()[0];
    }
}
