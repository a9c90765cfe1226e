using System.Text;

namespace Causeway.Kcptun.Configuration;

/// <summary>
/// A configuration that cannot be used. <see cref="Exception.Message"/> is one line that names the option, its value
/// and what is allowed, fit to be shown to the user as it is.
/// </summary>
public sealed class KcptunConfigException : Exception
{
    /// <summary>Makes the exception; control characters, which may come from the file, are replaced.</summary>
    /// <param name="message">What is wrong.</param>
    public KcptunConfigException(string message)
        : base(OneLine(message))
    {
    }

    /// <summary>Makes the exception; control characters, which may come from the file, are replaced.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public KcptunConfigException(string message, Exception? innerException)
        : base(OneLine(message), innerException)
    {
    }

    /// <summary>Makes the exception without a reason.</summary>
    public KcptunConfigException()
        : this("the configuration cannot be used")
    {
    }

    /// <summary>A value as messages quote it: cut where it is too long to be read.</summary>
    internal static string Quote(string value)
    {
        const int Shown = 64;
        return value.Length <= Shown ? $"\"{value}\"" : $"\"{value[..Shown]}...\"";
    }

    private static string OneLine(string message)
    {
        StringBuilder line = new(message.Length);
        foreach (char c in message)
        {
            line.Append(char.IsControl(c) || c is '\u2028' or '\u2029' ? ' ' : c);
        }

        return line.ToString();
    }
}
