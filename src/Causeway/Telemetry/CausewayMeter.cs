using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Causeway.Telemetry;

/// <summary>
/// The meter <c>Causeway</c> (docs/telemetry.md): sums over all connections and listeners of the process, read from the
/// counters that they have anyway, and only when somebody asks.
/// </summary>
internal static class CausewayMeter
{
    private static readonly Meter s_meter = new("Causeway");
    private static readonly Lock s_gate = new();
    private static readonly HashSet<CausewayConnection> s_connections = [];
    private static readonly HashSet<ListenerStatistics> s_listeners = [];
    private static readonly long[] s_ended = new long[Enum.GetValues<TransportError>().Length];
    private static Totals s_past;
    private static Drops s_pastDrops;

    static CausewayMeter()
    {
        Sum("causeway.connections.opened", "{connection}", "Connections made or accepted.", static t => t.Connections);
        s_meter.CreateObservableUpDownCounter(
            "causeway.connections.open", static () => Count(), "{connection}", "Connections that are open.");
        s_meter.CreateObservableCounter(
            "causeway.connections.ended", MeasureEnds, "{connection}", "Connections that ended, by error.type.");
        Sum("causeway.streams.opened", "{stream}", "Streams opened by this side.", static t => t.StreamsOpened);
        Sum("causeway.streams.accepted", "{stream}", "Streams opened by peers.", static t => t.StreamsAccepted);
        Sum("causeway.streams.refused", "{stream}", "Streams of peers that a limit refused.", static t => t.StreamsRefused);
        Sum("causeway.streams.reset", "{stream}", "Streams that peers gave up.", static t => t.StreamsReset);
        Sum("causeway.bytes.sent", "By", "Payload of streams sent.", static t => t.BytesSent);
        Sum("causeway.bytes.received", "By", "Payload of streams received.", static t => t.BytesReceived);
        Sum("causeway.datagrams.sent", "{datagram}", "Datagrams sent.", static t => t.DatagramsSent);
        Sum("causeway.datagrams.received", "{datagram}", "Datagrams that passed packet protection.", static t => t.DatagramsReceived);
        Sum("causeway.network.sent", "By", "Bytes of datagrams sent.", static t => t.NetworkSent);
        Sum("causeway.network.received", "By", "Bytes of datagrams received.", static t => t.NetworkReceived);
        Sum("causeway.retransmissions", "{packet}", "Sent again because they seemed lost.", static t => t.Retransmissions);
        Sum("causeway.retransmissions.spurious", "{packet}", "Of those, needless.", static t => t.SpuriousRetransmissions);
        s_meter.CreateObservableCounter(
            "causeway.datagrams.dropped", MeasureDrops, "{datagram}", "Datagrams that opened no connection or reached none, by reason.");
    }

    /// <summary>A connection begins.</summary>
    public static void Add(CausewayConnection connection)
    {
        lock (s_gate)
        {
            s_connections.Add(connection);
        }
    }

    /// <summary>A connection has ended; its counters move no more.</summary>
    public static void Remove(CausewayConnection connection, TransportError error)
    {
        lock (s_gate)
        {
            if (!s_connections.Remove(connection))
            {
                return;
            }

            s_past.Add(connection.Statistics);
            s_ended[(int)error]++;
        }
    }

    /// <summary>A listener begins.</summary>
    public static void Add(ListenerStatistics listener)
    {
        lock (s_gate)
        {
            s_listeners.Add(listener);
        }
    }

    /// <summary>A listener has ended.</summary>
    public static void Remove(ListenerStatistics listener)
    {
        lock (s_gate)
        {
            if (s_listeners.Remove(listener))
            {
                s_pastDrops.Add(listener);
            }
        }
    }

    private static void Sum(string name, string unit, string description, Func<Totals, long> value) =>
        s_meter.CreateObservableCounter(name, () => value(Snapshot()), unit, description);

    private static int Count()
    {
        lock (s_gate)
        {
            return s_connections.Count;
        }
    }

    private static Totals Snapshot()
    {
        lock (s_gate)
        {
            Totals sum = s_past;
            foreach (CausewayConnection connection in s_connections)
            {
                sum.Add(connection.Statistics);
            }

            return sum;
        }
    }

    // Observed, not counted when it happens: that is on a shard's turn, where no listener's code may run.
    private static IEnumerable<Measurement<long>> MeasureEnds()
    {
        lock (s_gate)
        {
            return
            [
                .. s_ended.Select(static (count, error) => new Measurement<long>(
                    count, new KeyValuePair<string, object?>("error.type", ((TransportError)error).ToString())))
            ];
        }
    }

    private static IEnumerable<Measurement<long>> MeasureDrops()
    {
        Drops sum;
        lock (s_gate)
        {
            sum = s_pastDrops;
            foreach (ListenerStatistics listener in s_listeners)
            {
                sum.Add(listener);
            }
        }

        return
        [
            Of("without_session", sum.WithoutSession),
            Of("other_session", sum.OtherSession),
            Of("closed_session", sum.ClosedSession),
            Of("unknown_session", sum.UnknownSession),
            Of("backlog_full", sum.BacklogFull),
            Of("connection_limit", sum.ConnectionLimit),
            Of("hand_over", sum.HandOver),
        ];

        static Measurement<long> Of(string reason, long count) => new(count, new KeyValuePair<string, object?>("reason", reason));
    }

    private struct Totals
    {
        public long Connections;
        public long StreamsOpened;
        public long StreamsAccepted;
        public long StreamsRefused;
        public long StreamsReset;
        public long BytesSent;
        public long BytesReceived;
        public long DatagramsSent;
        public long DatagramsReceived;
        public long NetworkSent;
        public long NetworkReceived;
        public long Retransmissions;
        public long SpuriousRetransmissions;

        public void Add(ConnectionStatistics one)
        {
            Connections++;
            StreamsOpened += one.Streams.StreamsOpened;
            StreamsAccepted += one.Streams.StreamsAccepted;
            StreamsRefused += one.Streams.StreamsRefused;
            StreamsReset += one.Streams.StreamsReset;
            BytesSent += one.Streams.BytesSent;
            BytesReceived += one.Streams.BytesReceived;
            DatagramsSent += one.Transport.OutPackets;
            DatagramsReceived += one.Transport.InPackets;
            NetworkSent += one.Transport.OutBytes;
            NetworkReceived += one.Transport.InBytes;
            Retransmissions += one.Transport.Retransmissions;
            SpuriousRetransmissions += one.Transport.SpuriousRetransmissions;
        }
    }

    private struct Drops
    {
        public long WithoutSession;
        public long OtherSession;
        public long ClosedSession;
        public long UnknownSession;
        public long BacklogFull;
        public long ConnectionLimit;
        public long HandOver;

        public void Add(ListenerStatistics one)
        {
            WithoutSession += one.WithoutSession;
            OtherSession += one.OtherSession;
            ClosedSession += one.ClosedSession;
            UnknownSession += one.UnknownSession;
            BacklogFull += one.BacklogFull;
            ConnectionLimit += one.ConnectionLimit;
            HandOver += one.HandOversDropped;
        }
    }
}
