using System.Security.Cryptography;

namespace Causeway.AspNetCore.Contexts;

/// <summary>Names for connections in logs: 13 characters, as Kestrel's own are, in the order in which they were made.</summary>
internal static class ConnectionIds
{
    private const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
    private const int Length = 13;
    private const int BitsOfDigit = 5;

    // Two processes should not use the same names.
    private static long s_last = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)));

    public static string Next() => string.Create(Length, Interlocked.Increment(ref s_last), static (text, value) =>
    {
        for (int i = Length - 1; i >= 0; i--)
        {
            text[i] = Digits[(int)(value & (Digits.Length - 1))];
            value >>>= BitsOfDigit;
        }
    });
}
