namespace Causeway.Hosting;

/// <summary>
/// Settings of a client by its name: <c>AddClient("name", ...)</c>, in configuration <c>Causeway:Clients:name</c>. Read once, when the
/// host starts, which fails if one is out of range.
/// </summary>
/// <remarks>
/// A client knows its server by <see cref="CausewayEndSettings.Peers"/>, by a shared secret, or by a certificate of an authority that it
/// trusts.
/// </remarks>
public sealed class CausewayClientSettings : CausewayEndSettings
{
    private Func<CausewayClientOptions, CausewayClientOptions>? _customize;

    /// <summary>
    /// The name that the server's certificate has to bear, where certificates are checked. Null: the host of
    /// <see cref="CausewayEndSettings.EndPoint"/>.
    /// </summary>
    public string? TargetHost { get; set; }

    /// <summary>
    /// Whether the shared connection is made when the host starts, and made again whenever it ends, after waits from 0.25 s to 30 s. Else it
    /// is made when it is first asked for. The start of the host does not wait for it. Default false.
    /// </summary>
    public bool KeepConnected { get; set; }

    /// <summary>
    /// Changes the options that the settings made, before each connection is made: for what has no setting here. More than one change are
    /// made in the order of the calls.
    /// </summary>
    public void Customize(Func<CausewayClientOptions, CausewayClientOptions> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        Func<CausewayClientOptions, CausewayClientOptions>? before = _customize;
        _customize = before is null ? change : options => change(before(options));
    }

    internal CausewayClientOptions Customized(CausewayClientOptions options) => _customize?.Invoke(options) ?? options;
}
