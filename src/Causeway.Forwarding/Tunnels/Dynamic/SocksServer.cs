using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Causeway.Forwarding.Tunnels.Dynamic;

/// <summary>One connection that speaks SOCKS 5 (RFC 1928), with a name and a password if they are asked for (RFC 1929).</summary>
/// <remarks>
/// <code>
/// greeting --method--> [name and password] --> request --CONNECT--> relayed to the end
///                                                      --UDP ASSOCIATE--> datagrams, as long as the connection lasts
/// any --not as it should be--> answered, closed
/// </code>
/// </remarks>
internal sealed class SocksServer(DynamicContext context, Socket socket, SocketReader reader)
{
    private const byte Version = 5;
    private const byte NoAuthentication = 0;
    private const byte UserNameAndPassword = 2;
    private const byte NoAcceptableMethod = 0xff;
    private const byte Connect = 1;
    private const byte UdpAssociate = 3;
    private const byte CommandNotSupported = 7;
    private const byte AddressNotSupported = 8;

    private static readonly IPEndPoint s_none = new(IPAddress.Any, 0);

    /// <returns>Why it got nowhere; null if it did.</returns>
    /// <exception cref="SocketException">The connection failed.</exception>
    /// <exception cref="OperationCanceledException">It took too long, or was cut off.</exception>
    public async Task<string?> RunAsync(ForwardTable.Forward forward, CancellationToken greeting)
    {
        if (!await AuthenticateAsync(greeting).ConfigureAwait(false))
        {
            return "no method, name or password that is accepted here";
        }

        ReadOnlyMemory<byte> head = await reader.TakeAsync(3, greeting).ConfigureAwait(false);
        if (head.Length < 3 || head.Span[0] != Version)
        {
            return "its request is none of SOCKS 5";
        }

        byte command = head.Span[1];
        if (await ReadAddressAsync(greeting).ConfigureAwait(false) is not { } target)
        {
            await ReplyAsync(AddressNotSupported, s_none, greeting).ConfigureAwait(false);
            return "its request has no address that can be used";
        }

        switch (command)
        {
            case Connect:
                return await ConnectAsync(target, forward).ConfigureAwait(false);
            case UdpAssociate:
                return await AssociateAsync(forward).ConfigureAwait(false);
            default:
                await ReplyAsync(CommandNotSupported, s_none, greeting).ConfigureAwait(false);
                return $"its command {command} is not supported";
        }
    }

    /// <summary>The reply that says the same as a refusal (RFC 1928, 6).</summary>
    private static byte ReplyOf(TunnelRefusal reason) => reason switch
    {
        TunnelRefusal.NotAllowed => 2,
        TunnelRefusal.Unreachable or TunnelRefusal.NameNotFound => 4,
        TunnelRefusal.ConnectRefused => 5,
        TunnelRefusal.TimedOut => 6,
        TunnelRefusal.Unsupported => CommandNotSupported,
        _ => 1,
    };

    private async ValueTask<bool> AuthenticateAsync(CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> head = await reader.TakeAsync(2, cancellationToken).ConfigureAwait(false);
        if (head.IsEmpty)
        {
            return false;
        }

        int count = head.Span[1];
        ReadOnlyMemory<byte> methods = await reader.TakeAsync(count, cancellationToken).ConfigureAwait(false);
        byte wanted = context.Credentials is null ? NoAuthentication : UserNameAndPassword;
        bool isOffered = methods.Span.Contains(wanted);
        await SendAsync([Version, isOffered ? wanted : NoAcceptableMethod], cancellationToken).ConfigureAwait(false);
        if (!isOffered || context.Credentials is not { } credentials)
        {
            return isOffered;
        }

        // RFC 1929, 2: a version of its own, which is 1. The reader's memory stays as it is until it is full, which these cannot make it.
        ReadOnlyMemory<byte> name = await TakeTextAsync(skip: 1, cancellationToken).ConfigureAwait(false);
        ReadOnlyMemory<byte> password = await TakeTextAsync(skip: 0, cancellationToken).ConfigureAwait(false);
        bool isRight = credentials.Match(name.Span, password.Span);
        await SendAsync([1, isRight ? (byte)0 : (byte)1], cancellationToken).ConfigureAwait(false);
        return isRight;
    }

    private async ValueTask<ReadOnlyMemory<byte>> TakeTextAsync(int skip, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> head = await reader.TakeAsync(skip + 1, cancellationToken).ConfigureAwait(false);
        return head.IsEmpty ? default : await reader.TakeAsync(head.Span[skip], cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<EndPoint?> ReadAddressAsync(CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> type = await reader.TakeAsync(1, cancellationToken).ConfigureAwait(false);
        int length = type.IsEmpty ? 0 : type.Span[0] switch { SocksAddress.IPv4 => 4, SocksAddress.IPv6 => 16, _ => 0 };
        bool isName = !type.IsEmpty && type.Span[0] == SocksAddress.Name;
        if (isName && await reader.TakeAsync(1, cancellationToken).ConfigureAwait(false) is { IsEmpty: false } size)
        {
            length = size.Span[0];
        }

        ReadOnlyMemory<byte> rest = length == 0 ? default : await reader.TakeAsync(length + 2, cancellationToken).ConfigureAwait(false);
        return rest.IsEmpty ? null : SocksAddress.Read(isName, rest.Span[..length], BinaryPrimitives.ReadUInt16BigEndian(rest.Span[length..]));
    }

    private async Task<string?> ConnectAsync(EndPoint target, ForwardTable.Forward forward)
    {
        (CausewayStream? stream, TunnelRefusal reason, string problem) = await context.ConnectAsync(socket, target, forward).ConfigureAwait(false);
        if (stream is null)
        {
            await ReplyAsync(ReplyOf(reason), s_none, forward.CutToken).ConfigureAwait(false);
            return problem;
        }

        try
        {
            await ReplyAsync(0, s_none, forward.CutToken).ConfigureAwait(false);
            await stream.WriteAsync(reader.Rest, forward.CutToken).ConfigureAwait(false);
        }
        catch
        {
            stream.Abort();
            throw;
        }

        await ForwardRelay.RunAsync(socket, stream, fromSocket: true, context.Options, forward.CutToken).ConfigureAwait(false);
        return null;
    }

    private async Task<string?> AssociateAsync(ForwardTable.Forward forward)
    {
        if (socket is not { LocalEndPoint: IPEndPoint local, RemoteEndPoint: IPEndPoint remote })
        {
            await ReplyAsync(CommandNotSupported, s_none, forward.CutToken).ConfigureAwait(false);
            return "datagrams need a user that came by TCP";
        }

        SocksAssociation association;
        try
        {
            association = new SocksAssociation(context, Udp.UdpSockets.Plain(local).Address, Udp.UdpSockets.Plain(remote).Address);
        }
        catch (SocketException error)
        {
            await ReplyAsync(ReplyOf(TunnelRefusal.Failed), s_none, forward.CutToken).ConfigureAwait(false);
            return $"no port for its datagrams: {error.Message}";
        }

        await using (association.ConfigureAwait(false))
        {
            await ReplyAsync(0, association.LocalEndPoint, forward.CutToken).ConfigureAwait(false);

            // RFC 1928, 7: the association ends with the connection; nothing more is said on it.
            byte[] ignored = new byte[256];
            while (await socket.ReceiveAsync(ignored, SocketFlags.None, forward.CutToken).ConfigureAwait(false) > 0)
            {
            }
        }

        return null;
    }

    private ValueTask ReplyAsync(byte reply, IPEndPoint bound, CancellationToken cancellationToken) =>
        SendAsync([Version, reply, 0, .. SocksAddress.Write(bound)], cancellationToken);

    private async ValueTask SendAsync(byte[] bytes, CancellationToken cancellationToken) =>
        await socket.SendAsync(bytes, SocketFlags.None, cancellationToken).ConfigureAwait(false);
}
