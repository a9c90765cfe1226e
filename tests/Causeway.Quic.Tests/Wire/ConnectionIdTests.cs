using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Wire;

public sealed class ConnectionIdTests
{
    [Fact]
    public void IsItsBytes()
    {
        byte[] bytes = [.. Enumerable.Range(1, ConnectionId.MaxLength).Select(static i => (byte)i)];
        HashSet<ConnectionId> ids = [];
        for (int length = 0; length <= bytes.Length; length++)
        {
            ConnectionId id = new(bytes.AsSpan(0, length));
            Assert.Equal(length, id.Length);
            Assert.Equal(bytes[..length], id.Span.ToArray());
            Assert.Equal(Convert.ToHexStringLower(bytes[..length]), id.ToString());
            Assert.True(id == new ConnectionId(bytes.AsSpan(0, length)));
            Assert.True(id.Equals(bytes.AsSpan(0, length)));
            Assert.True(ids.Add(id));
            Assert.Contains(new ConnectionId(bytes.AsSpan(0, length)), ids);
        }

        Assert.True(ids.Add(new ConnectionId(new byte[1])));
        Assert.True(ids.Add(new ConnectionId(new byte[2])));
        Assert.Equal(default, ConnectionId.Empty);
        Assert.True(ConnectionId.Empty.IsEmpty);
    }

    [Fact]
    public void HashesDifferWhereFoldedHalvesAreTheSame()
    {
        // What a flood would be made of, if the hash took eight bytes as the exclusive or of their halves.
        HashSet<int> hashes = [];
        byte[] bytes = new byte[8];
        for (int i = 0; i < 1000; i++)
        {
            BitConverter.TryWriteBytes(bytes, i);
            BitConverter.TryWriteBytes(bytes.AsSpan(4), i);
            hashes.Add(new ConnectionId(bytes).GetHashCode());
        }

        Assert.True(hashes.Count > 990, $"{hashes.Count} hashes of 1000 ids");
    }

    [Fact]
    public void RandomOnesHaveTheLengthThatWasAskedFor()
    {
        ConnectionId id = ConnectionId.CreateRandom(8, static bytes => bytes.Fill(7));
        Assert.Equal("0707070707070707", id.ToString());
    }
}
