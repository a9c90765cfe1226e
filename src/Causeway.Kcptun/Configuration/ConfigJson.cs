using System.Text;
using System.Text.Json;

namespace Causeway.Kcptun.Configuration;

/// <summary>Reads a JSON object into a configuration (docs/wire/kcptun.md 10.7).</summary>
internal static class ConfigJson
{
    // A configuration takes a few hundred bytes; this keeps a wrong path from being read into memory.
    private const int MaxFile = 1 << 20;

    public static byte[] ReadFile(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            byte[] buffer = new byte[4096];
            int length = 0;
            while (file.Read(buffer, length, buffer.Length - length) is int read and > 0)
            {
                length += read;
                if (length > MaxFile)
                {
                    throw new KcptunConfigException($"{path}: larger than {MaxFile} bytes, so not a configuration");
                }

                if (length == buffer.Length)
                {
                    Array.Resize(ref buffer, buffer.Length * 2);
                }
            }

            return buffer[..length];
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new KcptunConfigException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>
    /// Sets what the object has keys for. What follows the object is not looked at, as in the reference.
    /// </summary>
    public static KcptunConfig Apply(KcptunConfig config, ReadOnlySpan<byte> json, string source)
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        Utf8JsonReader reader = new(json.StartsWith(mark) ? json[mark.Length..] : json);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw new KcptunConfigException($"{source}: is not a JSON object");
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string key = reader.GetString()!;
                reader.Read();
                config = ApplyValue(config, key, ref reader, source);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The reader throws InvalidOperationException for a string that is not valid UTF-8 or UTF-16.
            throw new KcptunConfigException($"{source}: is not JSON: {e.Message}", e);
        }

        return config;
    }

    private static KcptunConfig ApplyValue(KcptunConfig config, string key, ref Utf8JsonReader reader, string source)
    {
        ConfigOption? option = config.Options.FirstOrDefault(
            option => string.Equals(option.JsonKey, key, StringComparison.OrdinalIgnoreCase));
        if (option is null)
        {
            reader.Skip();
            return OptionNames.IsRemark(key) ? config : NoteUnknown(config, key, source);
        }

        if (reader.TokenType == JsonTokenType.Null)
        {
            reader.Skip();
            return config;
        }

        if (!option.TrySet(ref config, ref reader))
        {
            throw new KcptunConfigException(
                $"{source}: {KcptunConfigException.Quote(key)} is {Describe(reader, option)}; "
                + $"expected {option.Expected}");
        }

        return config;
    }

    /// <summary>Whether it is refused is decided when all options are known: one of them forgives it.</summary>
    private static KcptunConfig NoteUnknown(KcptunConfig config, string key, string source)
    {
        string quoted = $"{source}: {KcptunConfigException.Quote(key)}";
        if (ConfigOptions.OfOtherSide(config).Any(option => string.Equals(option.JsonKey, key, StringComparison.OrdinalIgnoreCase)))
        {
            return config with { Warnings = [.. config.Warnings, $"{quoted} is an option of the other side and is ignored"] };
        }

        string? meant = OptionNames.Nearest(key, config.Options.Select(static option => option.JsonKey));
        string unknown = quoted + (meant is null ? " is no option." : $" is no option; did you mean {KcptunConfigException.Quote(meant)}?");
        return OptionNames.MayProtect(key)
            ? config with { Unforgivable = [.. config.Unforgivable, unknown] }
            : config with { Warnings = [.. config.Warnings, $"{unknown} (ignored)"] };
    }

    private static string Describe(Utf8JsonReader value, ConfigOption option) => value.TokenType switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => $"the string {KcptunConfigException.Quote(value.GetString()!)}",
        JsonTokenType.Number when option.IsSecret => "a number",
        JsonTokenType.Number => $"the number {KcptunConfigException.Quote(Encoding.ASCII.GetString(value.ValueSpan))}",
        JsonTokenType.True => "true",
        JsonTokenType.False => "false",
        _ => "something else",
    };
}
