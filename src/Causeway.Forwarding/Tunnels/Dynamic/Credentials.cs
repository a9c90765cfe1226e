using System.Security.Cryptography;
using System.Text;

namespace Causeway.Forwarding.Tunnels.Dynamic;

/// <summary>What users of a dynamic port have to give. Compared in a time that does not depend on where it differs.</summary>
internal sealed class Credentials
{
    private readonly byte[] _expected;

    private Credentials(string userName, string password) => _expected = HashOf(Encoding.UTF8.GetBytes(userName), Encoding.UTF8.GetBytes(password));

    /// <summary>Those of a port; null if it asks for none.</summary>
    public static Credentials? Of(DynamicForward forward) =>
        forward is { UserName: { } userName, Password: { } password } ? new Credentials(userName, password) : null;

    public bool Match(ReadOnlySpan<byte> userName, ReadOnlySpan<byte> password) =>
        CryptographicOperations.FixedTimeEquals(_expected, HashOf(userName, password));

    // Of the same length whatever is given; the length in front parts the two.
    private static byte[] HashOf(ReadOnlySpan<byte> userName, ReadOnlySpan<byte> password)
    {
        byte[] both = [(byte)userName.Length, .. userName, .. password];
        byte[] hash = SHA256.HashData(both);
        CryptographicOperations.ZeroMemory(both);
        return hash;
    }
}
