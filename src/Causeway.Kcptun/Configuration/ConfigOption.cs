using System.Globalization;
using System.Text.Json;

namespace Causeway.Kcptun.Configuration;

/// <summary>
/// One row of docs/wire/kcptun.md 10.7: how an option is called, what it takes, and where it goes in the configuration.
/// </summary>
/// <param name="JsonKey">Its key in a JSON file, matched without regard to case.</param>
/// <param name="Flags">Its flags, the long one first, without dashes.</param>
/// <param name="Help">What <c>--help</c> says.</param>
internal abstract record ConfigOption(string JsonKey, string[] Flags, string Help)
{
    /// <summary>How messages call it.</summary>
    public string Name => JsonKey == Flags[0] ? JsonKey : $"{JsonKey} (--{Flags[0]})";

    /// <summary>The type of value, with its article.</summary>
    public abstract string Expected { get; }

    /// <summary>Whether a value must not show up in messages.</summary>
    public bool IsSecret { get; init; }

    /// <summary>Whether the flag may stand without a value.</summary>
    public virtual bool IsSwitch => false;

    /// <summary>The value as the command line would take it, for <c>--help</c>.</summary>
    public abstract string Show(KcptunConfig config);

    /// <summary>Sets the option from a flag's value.</summary>
    public abstract bool TrySet(ref KcptunConfig config, string value);

    /// <summary>Sets the option from the JSON value at which the reader stands.</summary>
    public abstract bool TrySet(ref KcptunConfig config, ref Utf8JsonReader value);

    /// <summary>Fails if the value is out of range.</summary>
    public virtual void Validate(KcptunConfig config)
    {
    }
}

/// <summary>An option that takes text.</summary>
internal sealed record TextOption(
    string JsonKey,
    string[] Flags,
    string Help,
    Func<KcptunConfig, string> Get,
    Func<KcptunConfig, string, KcptunConfig> Set) : ConfigOption(JsonKey, Flags, Help)
{
    public override string Expected => "a string";

    public override string Show(KcptunConfig config) => $"\"{Get(config)}\"";

    public override bool TrySet(ref KcptunConfig config, string value)
    {
        config = Set(config, value);
        return true;
    }

    public override bool TrySet(ref KcptunConfig config, ref Utf8JsonReader value) =>
        value.TokenType == JsonTokenType.String && TrySet(ref config, value.GetString()!);
}

/// <summary>An option that takes a whole number.</summary>
internal sealed record NumberOption(
    string JsonKey,
    string[] Flags,
    string Help,
    Func<KcptunConfig, long> Get,
    Func<KcptunConfig, long, KcptunConfig> Set) : ConfigOption(JsonKey, Flags, Help)
{
    public override string Expected => "a whole number";

    /// <summary>The least value allowed.</summary>
    public required long Min { get; init; }

    /// <summary>The greatest value allowed.</summary>
    public required long Max { get; init; }

    public override string Show(KcptunConfig config) => Get(config).ToString(CultureInfo.InvariantCulture);

    public override bool TrySet(ref KcptunConfig config, string value) =>
        long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
        && TrySet(ref config, number);

    public override bool TrySet(ref KcptunConfig config, ref Utf8JsonReader value) =>
        value.TokenType == JsonTokenType.Number && value.TryGetInt64(out long number) && TrySet(ref config, number);

    public override void Validate(KcptunConfig config)
    {
        long value = Get(config);
        if (value < Min || value > Max)
        {
            ThrowOutOfRange(value);
        }
    }

    private bool TrySet(ref KcptunConfig config, long value)
    {
        // What lies within these bounds may still be refused, capped or taken for something else: see
        // KcptunConfig.Validated.
        if (value < int.MinValue || value > Math.Max(Max, int.MaxValue))
        {
            ThrowOutOfRange(value);
        }

        config = Set(config, value);
        return true;
    }

    private void ThrowOutOfRange(long value) => throw new KcptunConfigException(
        string.Create(CultureInfo.InvariantCulture, $"{Name} is {value}; allowed: {Min} to {Max}"));
}

/// <summary>An option that is on or off.</summary>
internal sealed record SwitchOption(
    string JsonKey,
    string[] Flags,
    string Help,
    Func<KcptunConfig, bool> Get,
    Func<KcptunConfig, bool, KcptunConfig> Set) : ConfigOption(JsonKey, Flags, Help)
{
    public override string Expected => "true or false";

    public override bool IsSwitch => true;

    public override string Show(KcptunConfig config) => Get(config) ? "true" : "false";

    public override bool TrySet(ref KcptunConfig config, string value)
    {
        // What Go's flag package takes.
        bool? parsed = value switch
        {
            "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
            "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
            _ => null,
        };
        if (parsed is not bool on)
        {
            return false;
        }

        config = Set(config, on);
        return true;
    }

    public override bool TrySet(ref KcptunConfig config, ref Utf8JsonReader value)
    {
        if (value.TokenType is not (JsonTokenType.True or JsonTokenType.False))
        {
            return false;
        }

        config = Set(config, value.GetBoolean());
        return true;
    }
}
