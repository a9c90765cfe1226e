using System.Buffers.Binary;
using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;
using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>
/// What lies between a session and the network: forward error correction, and outside it a checksum in place of a cipher.
/// </summary>
internal sealed class EndpointWire : IDatagramOutput, IDisposable
{
    private const int ChecksumSize = sizeof(ulong);

    private readonly ArqSession? _session;
    private readonly bool _checksum;
    private IDatagramOutput? _below;
    private Timestamp _now;

    /// <param name="options">Checksum and error correction.</param>
    /// <param name="pool">Where parity is rented.</param>
    /// <param name="session">Puts congestion marks onto what leaves, unless somebody above has.</param>
    public EndpointWire(ArqEndpointOptions options, PacketPool pool, ArqSession? session = null)
    {
        _session = session;
        _checksum = options.Checksum;
        if (options.Fec is { IsEnabled: true } fec)
        {
            Encoder = new FecEncoder(fec.DataShards, fec.ParityShards, pool, options.FirstFecSequence);
            Decoder = new FecDecoder(fec.DataShards, fec.ParityShards, pool);
        }
    }

    public FecEncoder? Encoder { get; }

    public FecDecoder? Decoder { get; }

    public PacketPool Pool => Below.Pool;

    public void Open(IDatagramOutput below, Timestamp now)
    {
        _below = below;
        _now = now;
    }

    public void Send(PacketBuffer datagram)
    {
        int parity = Encoder?.Encode(datagram, _now) ?? 0;
        Leave(datagram);
        for (int i = 0; i < parity; i++)
        {
            Leave(Encoder!.TakeParity(i));
        }
    }

    /// <summary>Strips the checksum. False if it is wrong.</summary>
    public bool TryOpen(PacketBuffer datagram)
    {
        if (!_checksum)
        {
            return true;
        }

        int length = datagram.Length - ChecksumSize;
        if (length < 0)
        {
            return false;
        }

        ulong digest = BinaryPrimitives.ReadUInt64LittleEndian(datagram.Payload[length..]);
        datagram.Truncate(length);
        return digest == NetworkLog.Digest(datagram.Payload);
    }

    public void Dispose()
    {
        Encoder?.Dispose();
        Decoder?.Dispose();
    }

    private void Leave(PacketBuffer datagram)
    {
        if (_checksum)
        {
            ulong digest = NetworkLog.Digest(datagram.Payload);
            BinaryPrimitives.WriteUInt64LittleEndian(datagram.Append(ChecksumSize), digest);
        }

        _session?.Mark(datagram);
        Below.Send(datagram);
    }

    private IDatagramOutput Below => _below ?? throw new InvalidOperationException("The wire is not open.");
}
