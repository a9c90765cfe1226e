namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// CUBIC's window as a function of time (RFC 9438 section 4.2). Windows are bytes and times are seconds; the RFC counts
/// in segments, so that its C is multiplied by the segment size.
/// </summary>
internal readonly struct CubicCurve
{
    // C of section 4.1.1 and 5.1, in segments per second cubed.
    private const double Steepness = 0.4;

    private readonly double _steepness;

    /// <summary>Makes the curve of a congestion avoidance stage.</summary>
    /// <param name="plateau">W_max: the window around which it is flat.</param>
    /// <param name="start">cwnd_epoch: the window at time 0. At or above W_max the curve is flat there and K is 0.</param>
    /// <param name="segmentSize">Payload bytes of a full segment.</param>
    public CubicCurve(double plateau, double start, int segmentSize)
    {
        _steepness = Steepness * segmentSize;
        Plateau = Math.Max(plateau, start);

        // Figure 2.
        SecondsToPlateau = Math.Cbrt((Plateau - start) / _steepness);
    }

    /// <summary>W_max, in bytes.</summary>
    public double Plateau { get; }

    /// <summary>K, in seconds.</summary>
    public double SecondsToPlateau { get; }

    /// <summary>W_cubic(t), in bytes (figure 1).</summary>
    public double At(double seconds)
    {
        double distance = seconds - SecondsToPlateau;
        return (_steepness * distance * distance * distance) + Plateau;
    }
}
