using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>
/// Requests at fixed times over one stream of a <see cref="SessionPair"/>, each answered as soon as it was read: a game, a
/// terminal, a call. Requests do not wait for the answers of earlier ones.
/// </summary>
public sealed class RequestResponseLoad
{
    private readonly SessionPair _pair;
    private readonly int _bytes;
    private readonly TimeSpan _interval;
    private readonly int _count;
    private readonly Queue<Timestamp> _unanswered = new();
    private SessionStream? _client;
    private int _sent;
    private int _answered;
    private int _done;

    /// <summary>Makes a load.</summary>
    /// <param name="pair">Where it runs.</param>
    /// <param name="bytes">Bytes of a request, and of a response.</param>
    /// <param name="interval">From one request to the next.</param>
    /// <param name="count">Requests in all.</param>
    public RequestResponseLoad(SessionPair pair, int bytes, TimeSpan interval, int count)
    {
        ArgumentNullException.ThrowIfNull(pair);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(interval, TimeSpan.Zero);
        _pair = pair;
        _bytes = bytes;
        _interval = interval;
        _count = count;
    }

    /// <summary>Microseconds from each request to the end of its response.</summary>
    public Distribution Microseconds { get; } = new();

    /// <summary>Runs until the last response has come.</summary>
    /// <param name="patience">Virtual time that it may come after the last request.</param>
    /// <exception cref="SimulationException">It did not come, or a byte was wrong.</exception>
    public void Run(TimeSpan patience)
    {
        _client = _pair.Open(_pair.Client, bytes: 0, answer: 0);
        Request();
        _pair.RunUntil(
            () =>
            {
                Answer();
                TakeResponses();
                return _done == _count || _pair.HasFailed;
            },
            (_interval * _count) + patience);
        if (_pair.HasFailed)
        {
            throw _pair.Network.Failure("A session failed");
        }
    }

    private void Request()
    {
        _unanswered.Enqueue(_pair.Network.Clock.Now);
        _client!.Write(_bytes);
        if (++_sent < _count)
        {
            _pair.Network.Schedule(_interval, "request", Request);
        }
    }

    private void Answer()
    {
        if (_pair.Server.Streams.TryGetValue(_client!.Mux.Id, out SessionStream? server))
        {
            int whole = (int)(server.Read / _bytes);
            if (whole > _answered)
            {
                server.Write((long)(whole - _answered) * _bytes);
                _answered = whole;
                _pair.ServerHost.Wake();
            }
        }
    }

    private void TakeResponses()
    {
        for (; _client!.Read >= (long)(_done + 1) * _bytes; _done++)
        {
            Microseconds.Add(_pair.Network.Clock.Now.MicrosecondsSince(_unanswered.Dequeue()));
        }
    }
}
