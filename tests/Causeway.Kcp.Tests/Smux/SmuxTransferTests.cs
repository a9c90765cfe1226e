using Causeway.Kcp.Smux;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Kcp.Tests.Smux;

/// <summary>Whole transfers between two sessions, with random pieces, sizes and readers.</summary>
public sealed class SmuxTransferTests
{
    [Theory]
    [InlineData(1, 1, 2048, 1 << 20, 0u)]
    [InlineData(2, 2, 2048, 1 << 20, 0u)]
    [InlineData(3, 1, 7, 4000, 0u)]
    [InlineData(4, 2, 7, 4000, 0u)]
    [InlineData(5, 2, 1350, 1, 0u)]
    [InlineData(6, 2, 2048, 1 << 20, uint.MaxValue - 5000)]
    [InlineData(7, 2, 300, 20000, int.MaxValue - 5000u)]
    public void EveryByteOfEveryStreamArrivesInOrder(int seed, int version, int largestPiece, int pipe, uint firstCounter)
    {
        Random random = new(seed);
        SmuxOptions options = new()
        {
            Version = version,
            MaxFrameSize = random.Next(1, 9000),
            ReceiveBuffer = 60000,
            StreamBuffer = 20000,
        };
        using MuxPair pair = new(options, options, seed, pipe, largestPiece, firstCounter);
        List<Transfer> transfers = [];
        for (int i = 0; i < 20; i++)
        {
            TransportStream stream = (i % 4 == 3 ? pair.Server : pair.Client).TryOpen(pair.Now)!;
            transfers.Add(new Transfer(stream, pair, random.Next(0, 30000), seed + i));
        }

        int steps = 0;
        while (transfers.Any(static t => !t.IsDone))
        {
            Assert.True(++steps < 20000, $"no progress, seed {seed}");
            foreach (Transfer transfer in transfers)
            {
                transfer.Write(random);
            }

            pair.Step();
            foreach (StreamEvent e in pair.Client.Events().Concat(pair.Server.Events()))
            {
                if (e.Kind == StreamEventKind.Accepted)
                {
                    transfers.Single(t => t.Id == e.Stream!.Id).Accepted(e.Stream!);
                }

                Assert.NotEqual(StreamEventKind.Reset, e.Kind);
            }

            foreach (Transfer transfer in transfers)
            {
                transfer.Read(random);
            }
        }

        pair.Step(5);
        Assert.All(transfers, static t => t.AssertComplete());
        Assert.Equal(0, pair.Client.StreamCount);
        Assert.Equal(0, pair.Server.StreamCount);
        Assert.Equal(options.ReceiveLimit, pair.Client.Memory.Tokens);
        Assert.Equal(options.ReceiveLimit, pair.Server.Memory.Tokens);
        Assert.Equal(0, pair.Client.Memory.Held);
        Assert.Equal(0, pair.Server.Memory.Held);
        Assert.Null(pair.Client.Failure);
        Assert.Null(pair.Server.Failure);
        foreach (Transfer transfer in transfers)
        {
            transfer.Dispose();
        }
    }

    /// <summary>
    /// A stream's opener sends random bytes through the bounded source; the other end reads when it likes, and ends
    /// its side.
    /// </summary>
    private sealed class Transfer : IDisposable
    {
        private readonly BufferedStreamSource _source;
        private readonly TransportStream _sender;
        private readonly byte[] _sent;
        private readonly List<byte> _received = [];
        private TransportStream? _receiver;
        private int _written;
        private int _unreported;

        public Transfer(TransportStream sender, MuxPair pair, int length, int seed)
        {
            _sender = sender;
            _source = new BufferedStreamSource(pair.Pool, 3000);
            _sender.Source = _source;
            _sent = new byte[length];
            new Random(seed).NextBytes(_sent);
        }

        public long Id => _sender.Id;

        public bool IsDone => _receiver is { IsClosed: true } && _sender.IsClosed;

        public void Accepted(TransportStream receiver) => _receiver = receiver;

        public void Write(Random random)
        {
            if (_written == _sent.Length)
            {
                _sender.FinishWrites();
                return;
            }

            int count = Math.Min(random.Next(1, 4000), _sent.Length - _written);
            _written += _source.Write(_sent.AsSpan(_written, count));
            _sender.NotifyWritable();
        }

        public void Read(Random random)
        {
            if (_receiver is null || random.Next(3) == 0)
            {
                return;
            }

            if (_receiver.TryRead(out PacketSlice slice))
            {
                _received.AddRange(slice.Span);
                _unreported += slice.Length;
                slice.Release();
            }

            // What was read is reported late and in other portions.
            int report = _receiver.IsReadFinished ? _unreported : random.Next(0, _unreported + 1);
            _receiver.Consumed(report);
            _unreported -= report;
            if (_receiver.IsReadFinished)
            {
                _receiver.FinishWrites();
            }
        }

        public void AssertComplete()
        {
            Assert.Equal(_sent, _received);
            Assert.True(_sender.IsReadFinished && _sender.IsWriteFinished && _receiver!.IsWriteFinished);
        }

        public void Dispose() => _source.Dispose();
    }
}
