using Causeway.Quic.Recovery;

namespace Causeway.Quic.Qlog;

/// <content>Losses and the state of recovery.</content>
internal sealed partial class QlogTrace
{
    private Metrics _logged = new() { Timeouts = 0, Window = -1, InFlight = -1 };

    /// <summary>A packet was deemed lost.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="isByReordering">Whether so many later ones were acknowledged; else it was late.</param>
    /// <param name="now">The time.</param>
    public void PacketLost(QuicSentPacket packet, bool isByReordering, Timestamp now)
    {
        if (!Begin("recovery:packet_lost"u8, now))
        {
            return;
        }

        EncryptionLevel level = packet.Space switch
        {
            PacketSpaceId.Initial => EncryptionLevel.Initial,
            PacketSpaceId.Handshake => EncryptionLevel.Handshake,
            _ => packet.Number < _firstOneRtt ? EncryptionLevel.EarlyData : EncryptionLevel.Application,
        };
        WriteHeader(NameOf(level), packet.Number, default, isLong: false);
        if (packet.IsMtuProbe)
        {
            _json.WriteBoolean("is_mtu_probe_packet"u8, true);
        }

        _json.WriteString("trigger"u8, isByReordering ? "reordering_threshold"u8 : "time_threshold"u8);
        End();
    }

    /// <summary>The state of recovery may have changed: writes what did.</summary>
    public void RecoveryChanged(LossRecovery recovery, Timestamp now)
    {
        QuicRtt rtt = recovery.Rtt;
        Metrics current = new()
        {
            Shortest = rtt.HasSample ? rtt.Shortest : 0,
            Smoothed = rtt.HasSample ? rtt.Smoothed : 0,
            Latest = rtt.Latest,
            Variation = rtt.HasSample ? rtt.Variation : 0,
            Timeouts = recovery.Timeouts,
            Window = recovery.CongestionWindow,
            InFlight = recovery.BytesInFlight,
        };
        Metrics before = _logged;
        if (current == before || !Begin("recovery:metrics_updated"u8, now))
        {
            return;
        }

        _logged = current;
        WriteTime("min_rtt"u8, current.Shortest, before.Shortest);
        WriteTime("smoothed_rtt"u8, current.Smoothed, before.Smoothed);
        WriteTime("latest_rtt"u8, current.Latest, before.Latest);
        WriteTime("rtt_variance"u8, current.Variation, before.Variation);
        WriteCount("pto_count"u8, current.Timeouts, before.Timeouts);
        WriteCount("congestion_window"u8, current.Window, before.Window);
        WriteCount("bytes_in_flight"u8, current.InFlight, before.InFlight);
        End();
    }

    private void WriteTime(ReadOnlySpan<byte> name, long microseconds, long before)
    {
        if (microseconds != before)
        {
            _json.WriteNumber(name, microseconds / 1000.0);
        }
    }

    private void WriteCount(ReadOnlySpan<byte> name, long value, long before)
    {
        if (value != before)
        {
            _json.WriteNumber(name, value);
        }
    }

    private readonly record struct Metrics
    {
        public long Shortest { get; init; }

        public long Smoothed { get; init; }

        public long Latest { get; init; }

        public long Variation { get; init; }

        public int Timeouts { get; init; }

        public long Window { get; init; }

        public long InFlight { get; init; }
    }
}
