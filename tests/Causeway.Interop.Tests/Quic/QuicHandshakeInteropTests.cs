using System.Net;
using System.Net.Security;
using Causeway.Quic;

namespace Causeway.Interop.Tests.Quic;

/// <summary>How connections begin: with each peer, in each role.</summary>
public sealed class QuicHandshakeInteropTests
{
    [QuicTheory, QuicCase("handshake")]
    public Task AFileArrives(QuicPair pair) =>
        QuicInterop.RunAsync(pair, new QuicScenario("handshake"), static run => run.FetchAsync());

    [QuicTheory, QuicCase("chacha20")]
    public Task ChaChaIsSpokenWhereNothingElseIsAllowed(QuicPair pair)
    {
        const string Flag = "--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305";
        QuicScenario scenario = new("chacha20")
        {
            CipherSuite = TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256,
            NgtcpClientFlags = [Flag],
            NgtcpServerFlags = [Flag],
        };
        return QuicInterop.RunAsync(pair, scenario, static async run =>
        {
            await run.FetchAsync();
            Assert.Contains("chacha20", run.Ours.Single().CipherSuite, StringComparison.OrdinalIgnoreCase);
        });
    }

    [QuicTheory, QuicCase("retry")]
    public async Task AClientAnswersARetry(QuicPair pair)
    {
        int retries = 0;
        QuicScenario scenario = new("retry")
        {
            Profile = static profile => profile with { AddressValidation = AddressValidationMode.Always },
            NgtcpServerFlags = ["--validate-addr"],
            Passes = datagram =>
            {
                bool isFromServer = datagram.IsSent != pair.OurClient();
                retries += datagram.IsRetry && isFromServer ? 1 : 0;
                return true;
            },
        };
        await QuicInterop.RunAsync(pair, scenario, async run =>
        {
            await run.FetchAsync();
            Assert.True(retries > 0, "no Retry packet was seen");
        });
    }

    [QuicTheory, QuicCase("resumption")]
    public Task ASecondConnectionIsResumed(QuicPair pair)
    {
        QuicScenario scenario = new("resumption")
        {
            NgtcpClientFlags = ["--session-file={folder}/session", "--tp-file={folder}/parameters", "--disable-early-data"],
        };
        return QuicInterop.RunAsync(pair, scenario, async run =>
        {
            ReadOnlyMemory<byte> ticket = default;
            await run.FetchAsync(untilDone: statistics =>
            {
                // It comes when the server likes, usually with the end of the handshake.
                ticket = statistics.ResumptionTicket;
                return ticket.Length > 0;
            });
            await run.FetchAsync(profile => profile with { ResumptionTicket = ticket });
            Assert.Equal([false, true], run.Ours.Select(static connection => connection.IsResumed));
        });
    }

    [QuicTheory, QuicCase("zerortt")]
    public Task ASecondConnectionAsksBeforeTheHandshake(QuicPair pair)
    {
        QuicScenario scenario = new("zerortt")
        {
            Profile = static profile => profile with { AllowsEarlyData = true },
            NgtcpClientFlags = ["--session-file={folder}/session", "--tp-file={folder}/parameters"],
        };
        return QuicInterop.RunAsync(pair, scenario, async run =>
        {
            ReadOnlyMemory<byte> ticket = default;
            await run.FetchAsync(untilDone: statistics =>
            {
                ticket = statistics.ResumptionTicket;
                return ticket.Length > 0;
            });
            await run.FetchAsync(profile => profile with { ResumptionTicket = ticket });
            Assert.Equal([false, true], run.Ours.Select(static connection => connection.EarlyDataAccepted));
        });
    }

    [QuicTheory, QuicCase("http3")]
    public Task FilesArriveByHttp3(QuicPair pair)
    {
        // ngtcp2's server cannot map an empty file into memory, and says 404.
        int least = pair == QuicPair.CausewayToNgtcp2 ? 1 : 0;
        QuicScenario scenario = new("http3") { IsHttp3 = true, Files = [least, 1, 100_000, 300_000] };
        return QuicInterop.RunAsync(pair, scenario, static run => run.FetchAsync());
    }

    [QuicTheory, QuicCase("ipv6")]
    public Task FilesArriveByIPv6(QuicPair pair) => QuicInterop.RunAsync(
        pair, new QuicScenario("ipv6") { Address = IPAddress.IPv6Loopback, Files = [500_000] }, static run => run.FetchAsync());

    [QuicTheory, QuicCase("v2")]
    public Task Version2IsSpokenWhereBothKnowIt(QuicPair pair) => QuicInterop.RunAsync(
        pair,
        new QuicScenario("v2") { Profile = static profile => profile with { PrefersVersion2 = true } },
        static async run =>
        {
            await run.FetchAsync();
            Assert.Equal(2, run.Ours.Single().Version);
        });

    /// <summary>The others know v1 alone: who would rather speak v2 comes down to it.</summary>
    [QuicTheory, QuicCase("handshake")]
    public Task Version2IsNotInsistedOn(QuicPair pair) => QuicInterop.RunAsync(
        pair,
        new QuicScenario("handshake") { Profile = static profile => profile with { PrefersVersion2 = true } },
        async run =>
        {
            await run.FetchAsync();
            Assert.Equal(pair == QuicPair.CausewayToCauseway ? 2 : 1, run.Ours.Single().Version);
        });

    /// <summary>
    /// What the client sends after its first datagram is lost for a second, and the certificate is larger than what a server may send
    /// to an address that is not proved.
    /// </summary>
    [QuicTheory, QuicCase("amplificationlimit")]
    public async Task AServerWaitsForProofOfTheAddress(QuicPair pair)
    {
        FaultPlan plan = new(TimeSpan.FromSeconds(1));
        QuicScenario scenario = new("amplificationlimit")
        {
            HasLargeCertificate = true,

            // A server of ours holds the certificate back until the client answers; a client of ours is the one that cannot.
            Passes = datagram => datagram.IsSent != pair.OurClient() || datagram.Number == 0 || plan.IsOver(),
        };
        await QuicInterop.RunAsync(pair, scenario, async run =>
        {
            await run.FetchAsync();
            Assert.All(run.OurServers, static connection => Assert.True(connection.AmplificationBlocked > 0, "the limit was never met"));
        });
    }
}

/// <summary>A fault that lasts for a time from the first datagram that meets it.</summary>
internal sealed class FaultPlan(TimeSpan lasting)
{
    private long _begun;

    public bool IsOver()
    {
        _begun = _begun == 0 ? System.Diagnostics.Stopwatch.GetTimestamp() : _begun;
        return System.Diagnostics.Stopwatch.GetElapsedTime(_begun) >= lasting;
    }
}
