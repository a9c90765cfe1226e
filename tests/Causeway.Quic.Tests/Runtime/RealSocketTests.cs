using System.Net;
using System.Net.Security;
using Causeway.Quic.Tests.Handshake;

namespace Causeway.Quic.Tests.Runtime;

/// <summary>Whole connections through the public face, over sockets of the loopback.</summary>
public sealed class RealSocketTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task StreamsWorkInBothDirections()
    {
        await using Pair pair = await Pair.ConnectAsync();
        await using CausewayStream stream = await pair.Client.OpenStreamAsync();
        byte[] sent = new byte[3_000_000];
        new Random(1).NextBytes(sent);
        Task writing = WriteAllAsync(stream, sent);
        await using CausewayStream accepted = await pair.Server.AcceptStreamAsync().AsTask().WaitAsync(s_patience);
        byte[] received = await ReadAllAsync(accepted);
        await writing.WaitAsync(s_patience);
        Assert.Equal(sent, received);

        Task answering = WriteAllAsync(accepted, received);
        Assert.Equal(sent, await ReadAllAsync(stream));
        await answering;
    }

    [Fact]
    public async Task UnidirectionalStreamsHaveOneReader()
    {
        await using Pair pair = await Pair.ConnectAsync();
        await using CausewayStream stream = await pair.Client.OpenStreamAsync(StreamDirection.Unidirectional);
        Assert.False(stream.CanRead);
        await WriteAllAsync(stream, "one way"u8.ToArray());
        await using CausewayStream accepted = await pair.Server.AcceptStreamAsync().AsTask().WaitAsync(s_patience);
        Assert.False(accepted.CanWrite);
        Assert.Equal("one way"u8.ToArray(), await ReadAllAsync(accepted));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await accepted.WriteAsync(new byte[1]));
    }

    [Fact]
    public async Task ACloseTellsCodeAndReason()
    {
        await using Pair pair = await Pair.ConnectAsync();
        await pair.Client.CloseAsync(77, "enough");
        await pair.Server.Closed.WaitAsync(s_patience);
        Assert.Equal(TransportError.ClosedByPeer, pair.Server.Failure!.Error);
        Assert.Equal(77, pair.Server.Failure.ErrorCode);
        Assert.True(pair.Server.Failure.IsApplicationError);
        Assert.Contains("enough", pair.Server.Failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AbortsCarryTheirCodes()
    {
        await using Pair pair = await Pair.ConnectAsync();
        await using CausewayStream stream = await pair.Client.OpenStreamAsync();
        await stream.WriteAsync(new byte[10]);
        await using CausewayStream accepted = await pair.Server.AcceptStreamAsync().AsTask().WaitAsync(s_patience);
        stream.Abort(StreamAbortDirections.Write, 5);
        accepted.Abort(StreamAbortDirections.Write, 6);
        TransportException read = await Assert.ThrowsAsync<TransportException>(() => ReadAllAsync(accepted));
        Assert.Equal((TransportError.StreamReset, 5L), (read.Error, read.ErrorCode!.Value));
        TransportException other = await Assert.ThrowsAsync<TransportException>(() => ReadAllAsync(stream));
        Assert.Equal((TransportError.StreamReset, 6L), (other.Error, other.ErrorCode!.Value));
    }

    [Fact]
    public async Task AWriterThatIsStoppedAlwaysHearsThatThePeerStoppedIt()
    {
        await using Pair pair = await Pair.ConnectAsync();

        // Often, since the peer's word has to come in the very turn that begins a write.
        for (int i = 0; i < 200; i++)
        {
            await using CausewayStream stream = await pair.Client.OpenStreamAsync();
            await stream.WriteAsync(new byte[1]);
            await using CausewayStream accepted = await pair.Server.AcceptStreamAsync().AsTask().WaitAsync(s_patience);
            Task<TransportException> writing = Assert.ThrowsAsync<TransportException>(async () =>
            {
                while (true)
                {
                    await accepted.WriteAsync(new byte[100]);
                }
            });
            await stream.ReadExactlyAsync(new byte[100]).AsTask().WaitAsync(s_patience);
            stream.Abort(StreamAbortDirections.Read, 9);
            TransportException stopped = await writing.WaitAsync(s_patience);
            Assert.Equal((TransportError.StreamClosedByPeer, true, 9L), (stopped.Error, stopped.IsByPeer, stopped.ErrorCode!.Value));
        }
    }

    [Fact]
    public async Task EachDirectionKeepsTheFirstCodeThatItWasGivenUpWith()
    {
        await using Pair pair = await Pair.ConnectAsync(isInline: true);
        await using CausewayStream stream = await pair.Client.OpenStreamAsync();
        await stream.WriteAsync(new byte[10]);
        await using CausewayStream accepted = await pair.Server.AcceptStreamAsync().AsTask().WaitAsync(s_patience);
        Task aborting = AbortOnArrivalAsync(stream);
        Assert.False(aborting.IsCompleted);
        await accepted.WriteAsync(new byte[1]);
        TransportException read = await Assert.ThrowsAsync<TransportException>(() => ReadAllAsync(accepted));
        Assert.Equal((TransportError.StreamReset, 5L), (read.Error, read.ErrorCode!.Value));
        TransportException written = await Assert.ThrowsAsync<TransportException>(() => accepted.WritesClosed.WaitAsync(s_patience));
        Assert.Equal((TransportError.StreamClosedByPeer, 5L), (written.Error, written.ErrorCode!.Value));
        await aborting;

        // On the shard itself, so that it sees both at once.
        static async Task AbortOnArrivalAsync(CausewayStream stream)
        {
            await stream.ReadExactlyAsync(new byte[1]).ConfigureAwait(false);
            stream.Abort(StreamAbortDirections.Both, 5);
            stream.Abort(StreamAbortDirections.Read, 6);
            stream.Abort(StreamAbortDirections.Write, 7);
        }
    }

    [Fact]
    public async Task DatagramsArrive()
    {
        await using Pair pair = await Pair.ConnectAsync();
        byte[] buffer = new byte[2000];
        Task<int> receiving = pair.Server.ReceiveDatagramAsync(buffer).AsTask();
        while (pair.Client.MaxDatagramLength == 0)
        {
            await Task.Yield();
        }

        Assert.InRange(pair.Client.MaxDatagramLength, 1000, 1500);
        while (!receiving.IsCompleted)
        {
            // They may get lost, even here.
            await pair.Client.SendDatagramAsync("now"u8.ToArray());
            await Task.WhenAny(receiving, Task.Delay(20));
        }

        Assert.Equal("now"u8.ToArray(), buffer[..await receiving]);
    }

    [Fact]
    public async Task AServerWithAnotherKeyIsRefused()
    {
        using CausewayKey key = CausewayKey.Create();
        using CausewayKey other = CausewayKey.Create();
        TransportException error = await Assert.ThrowsAsync<TransportException>(async () =>
        {
            await using Pair pair = await Pair.ConnectAsync(ClientAuthentication.Pinned(other.Fingerprint), ServerAuthentication.WithKey(key));
        });
        Assert.Contains("key", error.Message, StringComparison.OrdinalIgnoreCase);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public async Task ASharedSecretIsEnough()
    {
        await using Pair pair = await Pair.ConnectAsync(ClientAuthentication.Shared("us", "secret"), ServerAuthentication.Shared("us", "secret"));
        Assert.Equal("causeway", pair.Server.NegotiatedApplicationProtocol.ToString());
        await Assert.ThrowsAsync<TransportException>(async () =>
        {
            await using Pair wrong = await Pair.ConnectAsync(ClientAuthentication.Shared("us", "guess"), ServerAuthentication.Shared("us", "secret"));
        });
    }

    [Fact]
    public async Task CertificatesAreCheckedByTheCallersCallback()
    {
        SslApplicationProtocol protocol = new("test/1");
        string? seen = null;
        SslClientAuthenticationOptions client = new()
        {
            TargetHost = TestCertificates.ServerName,
            ApplicationProtocols = [protocol],
            RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            {
                seen = $"{certificate!.Subject} {errors}";
                return certificate is not null;
            },
        };
        string? asked = null;
        ServerAuthentication server = ServerAuthentication.ByName((name, _) =>
        {
            asked = name;
            return ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                ApplicationProtocols = [protocol],
                ServerCertificate = TestCertificates.P256,
            });
        });
        await using Pair pair = await Pair.ConnectAsync(client, server);
        Assert.Equal(TestCertificates.ServerName, asked);
        Assert.Equal("CN=server.test RemoteCertificateChainErrors", seen);
        Assert.Equal(protocol, pair.Client.NegotiatedApplicationProtocol);
    }

    [Fact]
    public async Task AServerChoosesByWhoKnocksAndKeepsAnObject()
    {
        SslApplicationProtocol protocol = new("test/1");
        SslClientAuthenticationOptions client = new()
        {
            TargetHost = TestCertificates.ServerName,
            ApplicationProtocols = [protocol],
            RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null,
        };
        QuicClientHello? asked = null;
        object kept = new();
        ServerAuthentication server = ServerAuthentication.ByClient((hello, _) =>
        {
            asked = hello;
            hello.ApplicationState = kept;
            return ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                ApplicationProtocols = [protocol],
                ServerCertificate = TestCertificates.P256,
            });
        });
        await using Pair pair = await Pair.ConnectAsync(client, server);
        Assert.Equal(TestCertificates.ServerName, asked!.ServerName);
        Assert.Equal(pair.Client.LocalEndPoint, asked.RemoteEndPoint);
        Assert.Same(kept, pair.Server.ApplicationState);
        Assert.Null(pair.Client.ApplicationState);
        Assert.Equal((TestCertificates.ServerName, TestCertificates.ServerName), (pair.Client.TargetHostName, pair.Server.TargetHostName));
        Assert.Equal(pair.Client.NegotiatedCipherSuite, pair.Server.NegotiatedCipherSuite);
        Assert.StartsWith("TLS_", pair.Server.NegotiatedCipherSuite.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AListenerThatStopsAcceptingKeepsItsConnections()
    {
        await using Pair pair = await Pair.ConnectAsync();
        pair.Listener.StopAccepting();
        TransportException ended = await Assert.ThrowsAsync<TransportException>(
            () => pair.Listener.AcceptConnectionAsync().AsTask().WaitAsync(s_patience));
        Assert.Equal(TransportError.ConnectionClosed, ended.Error);
        TransportException refused = await Assert.ThrowsAsync<TransportException>(
            () => pair.ConnectAgainAsync().AsTask().WaitAsync(s_patience));
        Assert.Equal(TransportError.ConnectionRefused, refused.Error);

        await using CausewayStream stream = await pair.Client.OpenStreamAsync();
        await WriteAllAsync(stream, "still here"u8.ToArray());
        await using CausewayStream accepted = await pair.Server.AcceptStreamAsync().AsTask().WaitAsync(s_patience);
        Assert.Equal("still here"u8.ToArray(), await ReadAllAsync(accepted));
    }

    private static async Task WriteAllAsync(CausewayStream stream, byte[] bytes)
    {
        await stream.WriteAsync(bytes).AsTask().WaitAsync(s_patience);
        stream.CompleteWrites();
    }

    private static async Task<byte[]> ReadAllAsync(CausewayStream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all).WaitAsync(s_patience);
        return all.ToArray();
    }

    /// <summary>One socket that is bound to any address: the client, whose socket knows one server, goes to another address of it.</summary>
    [Fact]
    public async Task AClientFollowsAListenerToItsPreferredAddress()
    {
        if (!OperatingSystem.IsLinux())
        {
            // Elsewhere a connected socket stays connected, and the client where it is.
            return;
        }

        CausewayKey key = CausewayKey.Create();
        await using CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            ListenEndPoint = new IPEndPoint(IPAddress.Any, 0),
            Profile = new QuicProfile
            {
                ServerAuthentication = ServerAuthentication.WithKey(key),
                PreferredIPv4EndPoint = new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0),
            },
        });
        Task<CausewayConnection> accepting = listener.AcceptConnectionAsync().AsTask();
        await using CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndPoint).Port),
            Profile = new QuicProfile { ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint) },
        }).AsTask().WaitAsync(s_patience);
        await using CausewayConnection server = await accepting.WaitAsync(s_patience);
        foreach (CausewayConnection end in (CausewayConnection[])[client, server])
        {
            QuicStatistics statistics = (QuicStatistics)end.Statistics.Transport;
            for (int i = 0; i < 1000 && statistics.PathChanges == 0; i++)
            {
                // The server moves when it hears the client there.
                await using CausewayStream noise = await client.OpenStreamAsync(StreamDirection.Unidirectional);
                await noise.WriteAsync(new byte[1]);
                await Task.Delay(10);
            }

            Assert.Equal((1, 0), (statistics.PathChanges, statistics.PathsRefused));
        }
    }

    [Theory]
    [InlineData("0.0.0.0:1")]
    [InlineData("224.0.0.1:1")]
    [InlineData("[::1]:1")]
    public void AnAddressThatNoHostHasIsNotPreferred(string address)
    {
        QuicProfile profile = new()
        {
            ServerAuthentication = ServerAuthentication.WithKey(CausewayKey.Create()),
            PreferredIPv4EndPoint = IPEndPoint.Parse(address),
        };
        ArgumentException error = Assert.Throws<ArgumentException>(profile.Validate);
        Assert.Equal("PreferredIPv4EndPoint", error.ParamName);
        error = Assert.Throws<ArgumentException>((profile with
        {
            PreferredIPv4EndPoint = null,
            PreferredIPv6EndPoint = IPEndPoint.Parse("127.0.0.1:1"),
        }).Validate);
        Assert.Equal("PreferredIPv6EndPoint", error.ParamName);
    }

    [Fact]
    public async Task APreferredAddressHasTheListenersPort()
    {
        ArgumentException error = await Assert.ThrowsAsync<ArgumentException>(async () => await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Profile = new QuicProfile
            {
                ServerAuthentication = ServerAuthentication.WithKey(CausewayKey.Create()),
                PreferredIPv4EndPoint = new IPEndPoint(IPAddress.Loopback, 1),
            },
        }));
        Assert.Equal("PreferredIPv4EndPoint", error.ParamName);
    }

    private sealed class Pair : IAsyncDisposable
    {
        private readonly CausewayClientOptions _options;

        private Pair(CausewayListener listener, CausewayClientOptions options, CausewayConnection client, CausewayConnection server)
        {
            _options = options;
            Listener = listener;
            Client = client;
            Server = server;
        }

        public CausewayListener Listener { get; }

        public CausewayConnection Client { get; }

        public CausewayConnection Server { get; }

        public static async Task<Pair> ConnectAsync(ClientAuthentication? client = null, ServerAuthentication? server = null, bool isInline = false)
        {
            CausewayKey key = CausewayKey.Create();
            CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
            {
                ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                Profile = new QuicProfile { ServerAuthentication = server ?? ServerAuthentication.WithKey(key) },
            });
            try
            {
                Task<CausewayConnection> accepting = listener.AcceptConnectionAsync().AsTask();
                CausewayClientOptions options = new()
                {
                    RemoteEndPoint = listener.LocalEndPoint,
                    UnsafePreferInlineScheduling = isInline,
                    Profile = new QuicProfile { ClientAuthentication = client ?? ClientAuthentication.Pinned(key.Fingerprint) },
                };
                CausewayConnection connection = await CausewayConnection.ConnectAsync(options).AsTask().WaitAsync(s_patience);
                return new Pair(listener, options, connection, await accepting.WaitAsync(s_patience));
            }
            catch
            {
                await listener.DisposeAsync();
                throw;
            }
        }

        public ValueTask<CausewayConnection> ConnectAgainAsync() => CausewayConnection.ConnectAsync(_options);

        public async ValueTask DisposeAsync()
        {
            await Client.DisposeAsync();
            await Server.DisposeAsync();
            await Listener.DisposeAsync();
        }
    }
}
