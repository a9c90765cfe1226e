using Causeway.Kcp.Wire;
using Causeway.TestKit;
using FsCheck;
using FsCheck.Xunit;

namespace Causeway.Kcp.Tests.Arq;

public sealed class AckRangesTests
{
    [Fact]
    public void LaysBytesOutAsTheDocumentSays() =>
        Assert.Equal([0x13, 2, 0x01, 0x00, 0xFF, 0xFF, 0x34, 0x12, 0x02, 0x00], Write((1, 65535), (0x1234, 2)));

    [Property(MaxTest = 1000)]
    public void ReadingAndWritingAreInverse(NonEmptyArray<(ushort Gap, ushort Length)> some, byte[] later)
    {
        (ushort, ushort)[] ranges = [.. some.Get.Take(AckRanges.Most)];

        // What a later version may have put behind them is skipped.
        Assert.Equal(ranges, Read([.. Write(ranges), .. later]));
    }

    [Fact]
    public void CutPayloadsAreRefused()
    {
        byte[] payload = Write((1, 2), (5, 1), (9, 70));
        for (int length = 0; length < payload.Length; length++)
        {
            Assert.Null(Read(payload.AsSpan(0, length)));
        }
    }

    [Theory]
    [InlineData(0x12, 1)]
    [InlineData(0x23, 1)]
    [InlineData(0x13, 0)]
    [InlineData(0x13, AckRanges.Most + 1)]
    [InlineData(0x13, 255)]
    public void OtherKindsAndCountsAreRefused(byte kind, byte count)
    {
        byte[] payload = new byte[1100];
        payload[0] = kind;
        payload[1] = count;
        Assert.Null(Read(payload));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void AnyBytesAreReadOrRefused(int seed)
    {
        int read = 0;
        Mutator.Run(
            [Write((1, 2)), Write((1, 2), (4, 9), (20, 1))],
            20_000,
            (ulong)seed,
            payload => read += Read(payload) is { Length: > 0 and <= AckRanges.Most } ? 1 : 0,
            new FuzzOptions { MaxLength = 200 });
        Assert.InRange(read, 1_000, 39_000);
    }

    internal static byte[] Write(params (ushort Offset, ushort Length)[] ranges)
    {
        byte[] payload = new byte[AckRanges.SizeOf(ranges.Length)];
        AckRanges.WriteHeader(payload, ranges.Length);
        for (int i = 0; i < ranges.Length; i++)
        {
            AckRanges.WriteRange(payload, i, ranges[i].Offset, ranges[i].Length);
        }

        return payload;
    }

    internal static (ushort Offset, ushort Length)[]? Read(ReadOnlySpan<byte> payload)
    {
        if (!AckRanges.TryRead(payload, out AckRanges ranges))
        {
            return null;
        }

        (ushort, ushort)[] read = new (ushort, ushort)[ranges.Count];
        for (int i = 0; i < read.Length; i++)
        {
            read[i] = ranges[i];
        }

        return read;
    }
}
