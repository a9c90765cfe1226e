namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>The built-in congestion controllers by the names that users choose them by.</summary>
public static class CongestionControllers
{
    private static readonly (string Name, Func<int, Func<int, CongestionController>> FactoryFor)[] s_all =
    [
        ("bbr", static _ => static segmentSize => new BbrController(segmentSize)),
        ("cubic", static _ => static segmentSize => new CubicController(segmentSize)),
        ("newreno", static _ => static segmentSize => new NewRenoController(segmentSize)),
        ("fixed", static _ => static _ => new FixedController()),
        ("classic", static fastResend => segmentSize => new ClassicController(segmentSize, fastResend)),
    ];

    /// <summary>The names that <see cref="ByName"/> takes, in lower case.</summary>
    public static IReadOnlyList<string> Names { get; } = Array.AsReadOnly(Array.ConvertAll(s_all, static entry => entry.Name));

    /// <summary>
    /// What makes the controllers of a name, one for each session, from the payload bytes of a full segment; for
    /// <see cref="TransportProfile.CongestionControl"/>.
    /// </summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="fastResend">
    /// The session's <c>ArqOptions.FastResend</c>, 0 to 64, which only "classic" asks for. Default 2, as there.
    /// </param>
    /// <exception cref="ArgumentException">There is no such name; the message lists those that there are.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="fastResend"/> is negative.</exception>
    public static Func<int, CongestionController> ByName(string name, int fastResend = 2)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentOutOfRangeException.ThrowIfNegative(fastResend);
        foreach ((string known, Func<int, Func<int, CongestionController>> factoryFor) in s_all)
        {
            if (known == name)
            {
                return factoryFor(fastResend);
            }
        }

        throw new ArgumentException(
            $"There is no congestion controller \"{name}\"; there are {string.Join(", ", Names)}.", nameof(name));
    }
}
