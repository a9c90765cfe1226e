using System.Buffers.Binary;
using Causeway.Kcp.Fec;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Fec;

/// <summary>
/// Against a receiver that takes parity at odd sequence ids for a copy of data (docs/wire/kcptun.md 4.7, appendix A):
/// what it would rebuild has a size field that cannot be true, whatever the datagrams are.
/// </summary>
public sealed class FecSizeGuardTests
{
    private const int SegmentSize = 24;
    private const int Groups = 6;
    private const int MaxLength = 1322;

    private static readonly PacketPool s_pool = new();

    public static TheoryData<string> Lengths => new("full", "small", "acknowledgements", "mixed", "random", "narrow link");

    [Theory]
    [MemberData(nameof(Lengths))]
    public void OddParityNeverPassesForData(string lengths)
    {
        foreach ((int dataShards, int parityShards) in Shards())
        {
            foreach (int seed in Enumerable.Range(1, 4))
            {
                Random random = new(seed);
                int max = lengths == "narrow link" ? 500 : MaxLength;
                int fillers = 0;
                using FecEncoder encoder = new(dataShards, parityShards, s_pool);
                int odd = 0;
                while (encoder.NextSequence < Groups * (dataShards + parityShards))
                {
                    int length = lengths switch
                    {
                        "full" => MaxLength,
                        "small" => 100 + seed,
                        "acknowledgements" => SegmentSize,
                        "mixed" => random.Next(3) == 0 ? SegmentSize * random.Next(1, 4) : MaxLength,
                        "random" => random.Next(SegmentSize, MaxLength + 1),
                        _ => random.Next(SegmentSize, max + 1),
                    };
                    int inARow = 0;
                    while (Fill(encoder, length, max) is > 0 and int filler && inARow++ < FecEncoder.MaxFillers)
                    {
                        fillers++;
                        Assert.Equal(0, filler % SegmentSize);
                        Assert.InRange(filler, SegmentSize, max);
                        odd += SendAndCheck(encoder, filler, $"{dataShards}+{parityShards} {lengths} seed {seed}");
                    }

                    odd += SendAndCheck(encoder, length, $"{dataShards}+{parityShards} {lengths} seed {seed}");
                }

                // Two fillers at most in a group; and groups were checked at all.
                Assert.InRange(fillers, 0, 2 * Groups);
                Assert.True(odd > 0, $"{dataShards}+{parityShards} had no odd parity");
            }
        }
    }

    [Fact]
    public void WithoutFillersParityOverFullDatagramsWouldPass()
    {
        using FecEncoder encoder = new(10, 3, s_pool);
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() =>
        {
            for (int i = 0; i < 20; i++)
            {
                SendAndCheck(encoder, MaxLength, "");
            }
        });
    }

    [Fact]
    public void OnlyTheFirstGroupsAreGuarded()
    {
        using FecEncoder encoder = new(10, 3, s_pool, firstSequence: 64 * 13);
        for (int i = 0; i < 40; i++)
        {
            Assert.Equal(0, Fill(encoder, MaxLength, MaxLength));
            Send(encoder, MaxLength).ForEach(static parity => parity.Release());
        }
    }

    [Fact]
    public void APeerThatSendsWithFecGuessesNothing()
    {
        using FecCodec codec = new(new FecOptions(), s_pool);
        bool filled = false;
        for (int i = 0; i < 20; i++)
        {
            filled |= codec.FillerLength(MaxLength, SegmentSize, MaxLength, Timestamp.Zero) > 0;
            PacketBuffer datagram = s_pool.Rent();
            datagram.Append(MaxLength).Clear();
            codec.Encode(datagram, Timestamp.Zero);
            if (i == 10)
            {
                Assert.True(filled);
                filled = false;
                codec.Add(datagram);
            }

            datagram.Release();
        }

        Assert.False(filled);
    }

    private static IEnumerable<(int Data, int Parity)> Shards()
    {
        for (int data = 2; data <= 32; data++)
        {
            for (int parity = 1; parity <= 8; parity++)
            {
                // Both would be even, always.
                if (parity > 1 || data % 2 == 0 || (data + parity) % 2 == 1)
                {
                    yield return (data, parity);
                }
            }
        }

        yield return (70, 30);
        yield return (20, 60);
        yield return (128, 128);
        yield return (200, 50);
    }

    private static int Fill(FecEncoder encoder, int length, int maxLength) =>
        encoder.FillerLength(length, SegmentSize, maxLength, Timestamp.Zero);

    private static int SendAndCheck(FecEncoder encoder, int length, string what)
    {
        int odd = 0;
        foreach (PacketBuffer parity in Send(encoder, length))
        {
            ReadOnlySpan<byte> body = parity.Payload[FecHeader.Size..];
            int size = BinaryPrimitives.ReadUInt16LittleEndian(body);
            uint sequence = FecHeader.Read(parity.Payload).Sequence;
            if (sequence % 2 == 1)
            {
                odd++;
                Assert.True(size < FecHeader.SizeField + SegmentSize || size > body.Length, $"{what}: parity {sequence} of size {size} in {body.Length} bytes passes");
            }

            parity.Release();
        }

        return odd;
    }

    private static List<PacketBuffer> Send(FecEncoder encoder, int length)
    {
        PacketBuffer datagram = s_pool.Rent();
        GoldenVectors.Pattern(length).CopyTo(datagram.Append(length));
        int count = encoder.Encode(datagram, Timestamp.Zero);
        datagram.Release();
        return [.. Enumerable.Range(0, count).Select(encoder.TakeParity)];
    }
}
