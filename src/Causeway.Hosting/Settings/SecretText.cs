namespace Causeway.Hosting;

/// <summary>Text that nothing shows: only who asks for it by <see cref="Reveal"/> gets it.</summary>
internal sealed class SecretText(string value)
{
    /// <summary>The text itself, for the code that needs it.</summary>
    public string Reveal() => value;

    /// <inheritdoc/>
    public override string ToString() => "(secret)";
}
