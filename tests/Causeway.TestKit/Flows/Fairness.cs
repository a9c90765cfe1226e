namespace Causeway.TestKit;

/// <summary>Measures of how flows share a link.</summary>
public static class Fairness
{
    /// <summary>
    /// The index of Jain, Chiu and Hawe (DEC-TR-301, 1984): 1 if all have the same, 1/n if one has everything. 1 for nothing.
    /// </summary>
    public static double JainIndex(IReadOnlyCollection<double> shares)
    {
        ArgumentNullException.ThrowIfNull(shares);
        double sum = shares.Sum();
        double squares = shares.Sum(static share => share * share);
        return squares > 0 ? sum * sum / (shares.Count * squares) : 1;
    }
}
