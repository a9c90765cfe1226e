using System.Buffers;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore.Contexts;

/// <summary>
/// The contexts of a connection's streams. Those whose request ended well are used again, with what Kestrel keeps in them: its
/// objects of a request are large. Thread-safe.
/// </summary>
internal sealed class StreamContextPool(BaseConnectionContext connection, MemoryPool<byte> memory, long defaultErrorCode, ILogger log)
{
    // A client that had a hundred requests at once and then one at a time should not hold the memory of a hundred for ever.
    private const int Most = 16;

    private readonly Lock _gate = new();
    private readonly Stack<StreamContext> _idle = [];

    public StreamContext Take(CausewayStream stream)
    {
        StreamContext? context = null;

        // Streams of one direction live as long as the connection.
        if (stream.CanRead && stream.CanWrite)
        {
            lock (_gate)
            {
                _idle.TryPop(out context);
            }
        }

        context ??= new StreamContext(connection, memory, defaultErrorCode, log) { Pool = this };
        context.Attach(stream);
        return context;
    }

    public void Return(StreamContext context)
    {
        lock (_gate)
        {
            if (_idle.Count < Most)
            {
                _idle.Push(context);
            }
        }
    }
}
