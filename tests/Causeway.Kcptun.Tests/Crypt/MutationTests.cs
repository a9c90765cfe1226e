using Causeway.Kcptun.Crypt;
using Causeway.Protocol;

namespace Causeway.Kcptun.Tests.Crypt;

/// <summary>100 000 damaged datagrams over all crypts.</summary>
/// <remarks>
/// What a mutation can get past a crypt is part of the format. The CRC covers the payload alone, so the cipher
/// decides what damage to the 16 bytes of nonce does: under a 16-byte block cipher it garbles the checksum too; under
/// an 8-byte one, the first block garbles nothing but the rest of the nonce; salsa20 does not look at the nonce's
/// second half; xor and none leave every byte by itself. Such datagrams open with their payload intact. A payload
/// that was changed is refused, but for one in 2^32 whose CRC fits by chance: the seeds are fixed, and none of theirs
/// does.
/// </remarks>
public sealed class MutationTests
{
    private const int Total = 100_000;
    private const int BatchSize = 32;

    private static readonly KcptunKey s_key = new("a key of the tests");

    public static TheoryData<string> Crypts => [.. KcptunCrypt.All.Select(static crypt => crypt.Name)];

    [Theory]
    [MemberData(nameof(Crypts))]
    public void MutatedDatagramsAreNeverMistakenForGenuineOnes(string name)
    {
        int seed = name.Sum(static letter => letter);
        Random random = new(seed);
        int ignoredNonceBytes = name switch
        {
            "blowfish" or "cast5" or "3des" or "tea" or "xtea" => 8,
            "salsa20" or "xor" or "none" => 16,
            _ => 0,
        };
        using DatagramTransform sender = KcptunCrypt.Create(name, s_key);
        using DatagramTransform receiver = KcptunCrypt.Create(name, s_key);
        PacketPool pool = new(track: true);
        PacketBuffer[] slots = new PacketBuffer[BatchSize];
        pool.Rent(slots);

        int datagrams = Total / KcptunCrypt.All.Count;
        long opened = 0;
        for (int done = 0; done < datagrams; done += BatchSize)
        {
            PacketBuffer[] batch = [.. slots];
            Dictionary<PacketBuffer, byte[]> payloads = [];
            foreach (PacketBuffer datagram in batch)
            {
                datagram.Reset(PacketPool.DefaultHeadroom);
                random.NextBytes(datagram.Append(random.Next(12, random.Next(4) == 0 ? 1400 : 120)));
                payloads[datagram] = datagram.Payload.ToArray();
            }

            sender.Protect(batch);
            HashSet<PacketBuffer> nonceOnly = [];
            foreach (PacketBuffer datagram in batch)
            {
                if (Mutate(datagram, random) < ignoredNonceBytes)
                {
                    nonceOnly.Add(datagram);
                }
            }

            int kept = receiver.Unprotect(batch);
            opened += kept;
            if (name == "null")
            {
                continue;
            }

            foreach (PacketBuffer datagram in batch.AsSpan(0, kept))
            {
                Assert.True(nonceOnly.Contains(datagram), $"{name} opened a mutated datagram, seed {seed}");
                bool same = datagram.Payload.SequenceEqual(payloads[datagram]);
                Assert.True(same, $"{name} changed a payload, seed {seed}");
            }
        }

        long all = (datagrams + BatchSize - 1) / BatchSize * BatchSize;
        Assert.Equal(all, opened + receiver.TooShort + receiver.NotAuthentic);
        Assert.True(name == "null" || receiver.NotAuthentic > all / 2, $"{name} refused too few, seed {seed}");
        foreach (PacketBuffer slot in slots)
        {
            slot.Release();
        }

        pool.ThrowIfOutstanding();
    }

    /// <returns>The last byte that was touched; past every byte if the length changed.</returns>
    private static int Mutate(PacketBuffer datagram, Random random)
    {
        Span<byte> bytes = datagram.Payload;
        switch (random.Next(6))
        {
            case 0:
                datagram.Truncate(random.Next(bytes.Length));
                return int.MaxValue;
            case 1:
                random.NextBytes(datagram.Append(random.Next(1, 40)));
                return int.MaxValue;
            case 2:
                random.NextBytes(bytes);
                return int.MaxValue;
            case 3:
                // A run, and not places that could be hit twice and so restored.
                int start = random.Next(bytes.Length);
                int end = Math.Min(bytes.Length, start + random.Next(1, 24));
                foreach (ref byte value in bytes[start..end])
                {
                    value = (byte)~value;
                }

                return end - 1;
            default:
                int place = random.Next(random.Next(2) == 0 ? Math.Min(bytes.Length, 24) : bytes.Length);
                bytes[place] ^= (byte)(1 << random.Next(8));
                return place;
        }
    }
}
