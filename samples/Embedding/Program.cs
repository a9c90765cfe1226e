using System.Net;
using System.Text;
using Causeway;
using Causeway.Quic;

using CausewayKey key = CausewayKey.Create();                   // as with ssh; or SslServerAuthenticationOptions and certificates

await using var listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
{
    Profile = new QuicProfile { ServerAuthentication = ServerAuthentication.WithKey(key) },
    ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
});
_ = Task.Run(async () =>
{
    CausewayConnection peer = await listener.AcceptConnectionAsync();
    CausewayStream incoming = await peer.AcceptStreamAsync();
    await incoming.CopyToAsync(incoming);                       // echo until the client ends its direction
    await incoming.DisposeAsync();
});

await using var connection = await CausewayConnection.ConnectAsync(new CausewayClientOptions
{
    Profile = new QuicProfile { ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint) },
    RemoteEndPoint = listener.LocalEndPoint,
});
await using CausewayStream stream = await connection.OpenStreamAsync();
await stream.WriteAsync("hello over UDP"u8.ToArray());
stream.CompleteWrites();
Console.WriteLine(await new StreamReader(stream, Encoding.UTF8).ReadToEndAsync());
