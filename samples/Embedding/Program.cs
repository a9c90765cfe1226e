using System.Net;
using System.Text;
using Causeway;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;

using var profile = new KcptunProfile(new KcptunClientConfig { Key = "a long shared secret", Crypt = "aes-128-gcm" });

await using var listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
{
    Profile = profile.Transport,
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
    Profile = profile.Transport,
    RemoteEndPoint = listener.LocalEndPoint,
});
await using CausewayStream stream = await connection.OpenStreamAsync();
await stream.WriteAsync("hello over UDP"u8.ToArray());
stream.CompleteWrites();
Console.WriteLine(await new StreamReader(stream, Encoding.UTF8).ReadToEndAsync());
