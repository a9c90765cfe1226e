using Causeway.Kcptun.Crypt;
using Causeway.Protocol;

namespace Causeway.Fuzz;

/// <summary>A datagram, behind one byte that chooses its crypt, on the way in.</summary>
internal static class CryptTarget
{
    private static readonly KcptunKey s_key = new("fuzz");

    private static readonly DatagramTransform[] s_receivers =
        [.. KcptunCrypt.All.Select(static crypt => crypt.CreateTransform(s_key))];

    public static IReadOnlyList<byte[]> Seeds() =>
    [
        .. KcptunCrypt.All.Select(static (crypt, i) =>
        {
            using DatagramTransform sender = crypt.CreateTransform(s_key);
            PacketBuffer datagram = PacketPool.Shared.Rent();
            datagram.Append(60).Fill((byte)i);
            sender.Protect([datagram]);
            byte[] seed = [(byte)i, .. datagram.Payload];
            datagram.Release();
            return seed;
        }),
    ];

    public static void Run(byte[] input)
    {
        if (input.Length is 0 or > 1500)
        {
            return;
        }

        PacketBuffer datagram = PacketPool.Shared.Rent();
        input.AsSpan(1).CopyTo(datagram.Append(input.Length - 1));
        s_receivers[input[0] % s_receivers.Length].Unprotect([datagram]);
        datagram.Release();
    }
}
