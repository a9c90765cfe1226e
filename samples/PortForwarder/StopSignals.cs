using System.Runtime.InteropServices;

namespace Causeway.PortForwarder;

/// <summary>Turns signals into calls: SIGINT and SIGTERM stop, SIGUSR1 reports, SIGHUP reopens the log. The runtime ignores SIGPIPE by itself.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenRegistration _stop;

    /// <param name="report">What SIGUSR1 does.</param>
    /// <param name="reopen">What SIGHUP does; null to let it end the process, as it does by itself.</param>
    /// <param name="stop">Stops like a signal.</param>
    public StopSignals(Action report, Action? reopen, CancellationToken stop)
    {
        _stop = stop.UnsafeRegister(static state => ((StopSignals)state!)._stopped.TrySetResult(), this);
        Register(PosixSignal.SIGINT, Stop);
        Register(PosixSignal.SIGTERM, Stop);

        if (reopen is not null && !OperatingSystem.IsWindows())
        {
            Register(PosixSignal.SIGHUP, context => Act(context, reopen));
        }

        // The enumeration does not name SIGUSR1; raw numbers are taken where there are signals.
        if (OperatingSystem.IsLinux())
        {
            Register((PosixSignal)10, context => Act(context, report));
        }
        else if (OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD())
        {
            Register((PosixSignal)30, context => Act(context, report));
        }

        static void Act(PosixSignalContext context, Action action)
        {
            // Else the process ends, which is what the signal does to one that does not care.
            context.Cancel = true;
            action();
        }
    }

    /// <summary>Completes with the first signal to stop. The second one ends the process as it would without us.</summary>
    public Task Stopped => _stopped.Task;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _stop.Dispose();
    }

    private void Register(PosixSignal signal, Action<PosixSignalContext> handler) =>
        _registrations.Add(PosixSignalRegistration.Create(signal, handler));

    private void Stop(PosixSignalContext context) => context.Cancel = _stopped.TrySetResult();
}
