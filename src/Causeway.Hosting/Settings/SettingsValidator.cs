using Causeway.Kcptun.Configuration;
using Microsoft.Extensions.Options;

namespace Causeway.Hosting;

/// <summary>
/// Validates settings when the host starts. Written by hand: what the attributes of System.ComponentModel.DataAnnotations say does not
/// have the value, and most of the ranges are the library's own, which is asked here.
/// </summary>
internal sealed class SettingsValidator(Registrations registrations, HostServices services)
    : IValidateOptions<CausewayListenerSettings>, IValidateOptions<CausewayClientSettings>
{
    private const long MostErrorCode = (1L << 62) - 1;

    public ValidateOptionsResult Validate(string? name, CausewayListenerSettings options) =>
        name is null || !registrations.Listeners.ContainsKey(name) ? ValidateOptionsResult.Skip
        : Validate($"{registrations.Path}:{Registrations.ListenersKey}:{name}", options, () =>
        {
            CheckCode(options.HandlerErrorCode, nameof(options.HandlerErrorCode));
            CheckCode(options.StopErrorCode, nameof(options.StopErrorCode));
            if (options.DrainTimeout < TimeSpan.Zero || options.DrainTimeout > TimeSpan.FromDays(1))
            {
                throw new SettingsException($"{nameof(options.DrainTimeout)} is {options.DrainTimeout}; it must be from 0 to one day.");
            }

            return ListenerPlan.Create(options, services);
        });

    public ValidateOptionsResult Validate(string? name, CausewayClientSettings options) =>
        name is null || !registrations.Clients.Contains(name) ? ValidateOptionsResult.Skip
        : Validate($"{registrations.Path}:{Registrations.ClientsKey}:{name}", options, () => ClientPlan.Create(options, services));

    private static ValidateOptionsResult Validate(string path, CausewayEndSettings settings, Func<IDisposable> plan)
    {
        if (settings.Hidden().Problems.Count > 0)
        {
            return ValidateOptionsResult.Fail(settings.Hidden().Problems.Select(problem => $"{path}: {problem}"));
        }

        try
        {
            plan().Dispose();
            return ValidateOptionsResult.Success;
        }
        catch (Exception error) when (error is SettingsException or KcptunConfigException or ArgumentException or NotSupportedException)
        {
            return ValidateOptionsResult.Fail($"{path}: {Text(error)}");
        }
    }

    private static void CheckCode(long code, string name)
    {
        if (code is < 0 or > MostErrorCode)
        {
            throw new SettingsException($"{name} is {code}; it must be from 0 to 2^62 - 1.");
        }
    }

    // An ArgumentException says the parameter's name and value on lines of their own; most messages have the name already.
    private static string Text(Exception error)
    {
        string text = error.Message;
        if (error is ArgumentException { ParamName: { } name } && text.StartsWith(name, StringComparison.Ordinal))
        {
            text = text.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal);
        }

        return text.ReplaceLineEndings(" ");
    }
}
