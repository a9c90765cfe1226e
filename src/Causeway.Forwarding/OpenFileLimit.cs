using System.Runtime.InteropServices;

namespace Causeway.Forwarding;

/// <summary>How many files and sockets this process may have open at a time, where the system has such a limit.</summary>
public static partial class OpenFileLimit
{
    private const int LinuxResource = 7;
    private const int BsdResource = 8;

    /// <summary>
    /// The limit in force (<c>ulimit -n</c>), or null if there is none or the system has no such thing. The runtime raises it to
    /// the hard limit when it starts.
    /// </summary>
    public static int? Current
    {
        get
        {
            if (!Environment.Is64BitProcess)
            {
                // The structure differs among 32-bit systems.
                return null;
            }

            int resource;
            if (OperatingSystem.IsLinux())
            {
                resource = LinuxResource;
            }
            else if (OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD())
            {
                resource = BsdResource;
            }
            else
            {
                return null;
            }

            try
            {
                return Get(resource, out ResourceLimit limit) == 0 && limit.Current < int.MaxValue ? (int)limit.Current : null;
            }
            catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
            {
                return null;
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int Get(int resource, out ResourceLimit limit);

    /// <summary><c>struct rlimit</c></summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ResourceLimit
    {
        public ulong Current;
        public ulong Most;
    }
}
