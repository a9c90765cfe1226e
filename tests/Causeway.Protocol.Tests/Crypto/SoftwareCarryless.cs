using System.Runtime.Intrinsics;
using Causeway.Protocol.Crypto;

namespace Causeway.Protocol.Tests.Crypto;

/// <summary>Carry-less multiplication from its definition, so that GHASH is tested on every processor.</summary>
internal readonly struct SoftwareCarryless : ICarrylessInstructions
{
    public static bool IsSupported => true;

    public static Vector128<ulong> LowByLow(Vector128<ulong> left, Vector128<ulong> right) =>
        Multiply(left.GetElement(0), right.GetElement(0));

    public static Vector128<ulong> LowByHigh(Vector128<ulong> left, Vector128<ulong> right) =>
        Multiply(left.GetElement(0), right.GetElement(1));

    public static Vector128<ulong> HighByLow(Vector128<ulong> left, Vector128<ulong> right) =>
        Multiply(left.GetElement(1), right.GetElement(0));

    public static Vector128<ulong> HighByHigh(Vector128<ulong> left, Vector128<ulong> right) =>
        Multiply(left.GetElement(1), right.GetElement(1));

    private static Vector128<ulong> Multiply(ulong left, ulong right)
    {
        UInt128 product = 0;
        for (int i = 0; i < 64; i++)
        {
            product ^= ((left >> i) & 1) != 0 ? (UInt128)right << i : 0;
        }

        return Vector128.Create((ulong)product, (ulong)(product >> 64));
    }
}
