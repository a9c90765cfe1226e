using Causeway.Http3.Framing;
using Causeway.Http3.Transport;

namespace Causeway.Http3.Tests;

/// <summary>A peer that writes bytes of the test's choice.</summary>
internal sealed class Peer(MemoryTransport transport)
{
    public MemoryTransport Transport => transport;

    /// <summary>Opens a unidirectional stream that begins with these bytes.</summary>
    public async Task<Http3Stream> OpenAsync(byte[] bytes)
    {
        Http3Stream stream = await transport.OpenUnidirectionalAsync(default);
        await stream.WriteAsync(bytes);
        return stream;
    }

    public Task<Http3Stream> OpenControlAsync(params byte[][] frames) =>
        OpenAsync([(byte)StreamType.Control, .. Wire.Settings(), .. Wire.Concat(frames)]);

    /// <summary>Opens a request stream, sends these bytes and, if wanted, its end.</summary>
    public async Task<Http3Stream> RequestAsync(byte[] bytes, bool ends = true)
    {
        Http3Stream stream = await transport.OpenBidirectionalAsync(isReplaySafe: false, default);
        await stream.WriteAsync(bytes);
        if (ends)
        {
            stream.CompleteWrites();
        }

        return stream;
    }

    /// <summary>Waits for the other end's next request stream.</summary>
    public async Task<Http3Stream> AcceptRequestAsync()
    {
        while (true)
        {
            Http3Stream stream = await transport.AcceptAsync(default).AsTask().WaitAsync(Harness.Patience);
            if (stream.IsBidirectional)
            {
                return stream;
            }
        }
    }

    /// <summary>Reads a stream to its end.</summary>
    public static async Task<byte[]> ReadToEndAsync(Http3Stream stream)
    {
        MemoryStream all = new();
        await stream.CopyToAsync(all).WaitAsync(Harness.Patience);
        return all.ToArray();
    }
}
