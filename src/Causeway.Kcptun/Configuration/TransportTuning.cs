using Causeway.Kcp.Arq;

namespace Causeway.Kcptun.Configuration;

/// <summary>
/// What a validated configuration comes to: who controls congestion, and which windows and buffers set themselves, which
/// are those that are null.
/// </summary>
internal sealed record TransportTuning
{
    /// <summary>Reads the configuration by the rules of <see cref="KcptunConfig.CongestionControl"/>.</summary>
    public TransportTuning(KcptunConfig config)
    {
        string byHand = config.NoCongestion == 1 ? "fixed" : "classic";
        CongestionControl = config.CongestionControl != KcptunConfig.AutomaticCongestionControl ? config.CongestionControl
            : (config.Given & GivenOptions.HandTuning) != GivenOptions.None ? byHand
            : "bbr";

        // Neither knows how much a path takes, so that their windows are a matter of settings.
        bool needsWindows = CongestionControl is "fixed" or "classic";
        SendWindow = Or(config.SendWindow, GivenOptions.SendWindow);
        ReceiveWindow = Or(config.ReceiveWindow, GivenOptions.ReceiveWindow);
        SmuxBuffer = Or(config.SmuxBuffer, GivenOptions.SmuxBuffer);
        StreamBuffer = Or(config.StreamBuffer, GivenOptions.StreamBuffer);

        int? Or(int value, GivenOptions option) => needsWindows || config.Given.HasFlag(option) ? value : null;
    }

    /// <summary>The controller's name.</summary>
    public string CongestionControl { get; }

    /// <summary>Segments.</summary>
    public int? SendWindow { get; }

    /// <summary>Segments.</summary>
    public int? ReceiveWindow { get; }

    /// <summary>Bytes.</summary>
    public int? SmuxBuffer { get; }

    /// <summary>Bytes.</summary>
    public int? StreamBuffer { get; }
}
