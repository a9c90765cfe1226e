using System.Net;
using Causeway.AspNetCore.Contexts;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Causeway.AspNetCore.Streams;

/// <summary>
/// What the streams of a connection have in common. It has no TLS among its features: Kestrel would take requests for "https", and
/// clients, which know nothing of the encryption below their streams, send "http".
/// </summary>
internal sealed class StreamConnection : BaseConnectionContext, ICausewayConnectionFeature
{
    private static readonly Type[] s_features = [typeof(ICausewayConnectionFeature)];

    private IDictionary<object, object?>? _items;

    public StreamConnection(CausewayConnection connection)
    {
        Connection = connection;
        LocalEndPoint = connection.LocalEndPoint;
        RemoteEndPoint = connection.RemoteEndPoint;
        Features = new ContextFeatures(this, s_features);
    }

    /// <inheritdoc/>
    public CausewayConnection Connection { get; }

    /// <inheritdoc/>
    public override string ConnectionId { get; set; } = ConnectionIds.Next();

    /// <inheritdoc/>
    public override IFeatureCollection Features { get; }

    /// <inheritdoc/>
    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    /// <inheritdoc/>
    public override CancellationToken ConnectionClosed { get; set; }

    /// <inheritdoc/>
    public override EndPoint? LocalEndPoint { get; set; }

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint { get; set; }

    /// <inheritdoc/>
    public override void Abort() => Abort(new ConnectionAbortedException("The connection was aborted by the application."));

    /// <inheritdoc/>
    public override void Abort(ConnectionAbortedException abortReason) => _ = Connection.CloseAsync().AsTask();
}
