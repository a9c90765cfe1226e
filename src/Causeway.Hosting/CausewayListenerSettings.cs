namespace Causeway.Hosting;

/// <summary>
/// Settings of a listener that the host starts and stops, by its name: <c>AddListener("name", ...)</c>, in configuration
/// <c>Causeway:Listeners:name</c>. Read once, when the host starts, which fails if one is out of range.
/// </summary>
public sealed class CausewayListenerSettings : CausewayEndSettings
{
    private Func<CausewayListenerOptions, CausewayListenerOptions>? _customize;

    /// <summary>Connections that may be open at a time, at least 1. Null: 65536, or what <see cref="CausewayEndSettings.KcptunFile"/> says.</summary>
    public int? MaxConnections { get; set; }

    /// <summary>Connections that may wait to be accepted, at least 1. Default 128.</summary>
    public int ConnectionBacklog { get; set; } = 128;

    /// <summary>Sockets that share the port, 0 (one for each processor) to 256. Null: 1, or what <see cref="CausewayEndSettings.KcptunFile"/> says.</summary>
    public int? Shards { get; set; }

    /// <summary>
    /// How long handlers may go on when the host stops, 0 to one day; then their tokens are cancelled and streams are given up. It ends earlier
    /// when the host's own limit (<c>HostOptions.ShutdownTimeout</c>, 30 s) does. Default 10 s.
    /// </summary>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>What peers are told by a stream or connection whose handler failed; 0 to 2^62 - 1, of the application protocol. Default 1.</summary>
    public long HandlerErrorCode { get; set; } = 1;

    /// <summary>
    /// What peers are told by connections that end because the host stops, and by streams that come too late; 0 to 2^62 - 1, of the
    /// application protocol. Default 2.
    /// </summary>
    public long StopErrorCode { get; set; } = 2;

    /// <summary>
    /// Changes the options that the settings made, before the listener starts: for what has no setting here. More than one change are made
    /// in the order of the calls.
    /// </summary>
    public void Customize(Func<CausewayListenerOptions, CausewayListenerOptions> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        Func<CausewayListenerOptions, CausewayListenerOptions>? before = _customize;
        _customize = before is null ? change : options => change(before(options));
    }

    internal CausewayListenerOptions Customized(CausewayListenerOptions options) => _customize?.Invoke(options) ?? options;
}
