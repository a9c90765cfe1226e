using Causeway.Protocol.Streams;

namespace Causeway.Quic.Streams;

/// <content>Early data: which streams may be sent before the handshake is complete (RFC 9001, 4.6 and 9.2).</content>
internal sealed partial class QuicStreams
{
    /// <summary>Whether only streams leave that are marked as <see cref="TransportStream.IsReplaySafe"/>.</summary>
    public bool IsEarly { get; private set; }

    /// <summary>A client may send early data, under the limits that the server had in an earlier connection.</summary>
    public void BeginEarly(in StreamLimits remembered)
    {
        IsEarly = true;
        OnPeerLimits(in remembered);
    }

    /// <summary>There are keys for everything: what was held back may leave.</summary>
    public void EndEarly()
    {
        if (!IsEarly)
        {
            return;
        }

        IsEarly = false;
        foreach (QuicStream stream in _streams.Values)
        {
            OnWritable(stream);
        }
    }

    /// <summary>The server refused early data: its limits are those of this connection alone.</summary>
    /// <param name="limits">Those limits, or none if they are not known yet.</param>
    public void OnEarlyRejected(in StreamLimits limits)
    {
        _peer = limits;
        _sendLimit = limits.Data;
        _bidirectional.OwnLimit = limits.BidirectionalStreams;
        _unidirectional.OwnLimit = limits.UnidirectionalStreams;
        foreach (QuicStream stream in _streams.Values)
        {
            stream.SendLimit = InitialSendLimit(stream.Id);
        }
    }
}
