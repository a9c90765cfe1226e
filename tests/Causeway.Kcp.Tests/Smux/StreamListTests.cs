using Causeway.Kcp.Smux;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Kcp.Tests.Smux;

public sealed class StreamListTests
{
    [Fact]
    public void BehavesAsAListWithoutRepetitions()
    {
        using SmuxSession session = new(EndpointRole.Client, new SmuxOptions(), new PacketPool(), default);
        SmuxStream[] streams = [.. Enumerable.Range(0, 8).Select(i => new SmuxStream(session, (uint)i, isLocal: true, 0))];
        StreamList<SmuxStream, SmuxStream.SendLink> list = default;
        List<SmuxStream> expected = [];
        Random random = new(11);
        for (int i = 0; i < 20_000; i++)
        {
            SmuxStream stream = streams[random.Next(streams.Length)];
            switch (random.Next(3))
            {
                case 0:
                    list.Append(stream);
                    if (!expected.Contains(stream))
                    {
                        expected.Add(stream);
                    }

                    break;
                case 1:
                    list.Remove(stream);
                    expected.Remove(stream);
                    break;
                default:
                    list.Rotate();
                    if (expected.Count > 0)
                    {
                        expected.Add(expected[0]);
                        expected.RemoveAt(0);
                    }

                    break;
            }

            Assert.Same(expected.FirstOrDefault(), list.First);
        }

        foreach (SmuxStream stream in expected)
        {
            Assert.Same(stream, list.First);
            list.Remove(stream);
        }

        Assert.Null(list.First);
    }

    [Fact]
    public void ListsOfOneStreamDoNotMeet()
    {
        using SmuxSession session = new(EndpointRole.Client, new SmuxOptions(), new PacketPool(), default);
        SmuxStream stream = new(session, 3, isLocal: true, 0);
        StreamList<SmuxStream, SmuxStream.SendLink> sending = default;
        StreamList<SmuxStream, SmuxStream.EventLink> events = default;
        sending.Append(stream);
        events.Append(stream);
        sending.Remove(stream);
        Assert.Null(sending.First);
        Assert.Same(stream, events.First);
    }
}
