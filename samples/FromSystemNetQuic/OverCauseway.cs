using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Causeway;
using Causeway.Quic;

namespace FromSystemNetQuic;

/// <summary>A service of echoes and files, and its client, with Causeway.</summary>
internal static class OverCauseway
{
    private const long NoSuchFile = 404;
    private const long Done = 7;

    private static readonly SslApplicationProtocol s_protocol = new("files/1");
    private static readonly byte[] s_file = RandomNumberGenerator.GetBytes(1_000_000);

    public static async Task RunAsync(X509Certificate2 certificate, TextWriter output)
    {
        await using CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Profile = new QuicProfile
            {
                DefaultStreamErrorCode = 1,
                ServerAuthentication = new SslServerAuthenticationOptions
                {
                    ApplicationProtocols = [s_protocol],
                    ServerCertificate = certificate,
                },
            },
        });
        Task serving = ServeAsync(listener, output);

        await using (CausewayConnection connection = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            RemoteEndPoint = listener.LocalEndPoint,
            Profile = new QuicProfile
            {
                DefaultStreamErrorCode = 1,
                ClientAuthentication = new SslClientAuthenticationOptions
                {
                    ApplicationProtocols = [s_protocol],
                    TargetHost = "localhost",
                    RemoteCertificateValidationCallback = (_, shown, _, _) => shown!.GetCertHashString() == certificate.Thumbprint,
                },
            },
        }))
        {
            await output.WriteLineAsync($"client: connected, {connection.NegotiatedApplicationProtocol}");
            await NoteAsync(connection, "hello");
            await output.WriteLineAsync($"client: echo gave {Encoding.UTF8.GetString(await AskAsync(connection, "echo how are you"))}");
            byte[] file = await AskAsync(connection, "file data");
            await output.WriteLineAsync($"client: file has {file.Length} bytes, {(file.AsSpan().SequenceEqual(s_file) ? "the right ones" : "wrong ones")}");
            try
            {
                await AskAsync(connection, "file nothing");
            }
            catch (TransportException error) when (error.Error == TransportError.StreamReset)
            {
                await output.WriteLineAsync($"client: no such file, code {error.ErrorCode}");
            }

            await connection.CloseAsync(Done);
        }

        await serving;
    }

    /// <summary>Asks on a stream of its own, and reads the answer to its end.</summary>
    private static async Task<byte[]> AskAsync(CausewayConnection connection, string request)
    {
        await using CausewayStream stream = await connection.OpenStreamAsync(StreamDirection.Bidirectional);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(request));
        stream.CompleteWrites();
        return await ReadToEndAsync(stream);
    }

    /// <summary>Tells something that needs no answer.</summary>
    private static async Task NoteAsync(CausewayConnection connection, string note)
    {
        await using CausewayStream stream = await connection.OpenStreamAsync(StreamDirection.Unidirectional);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(note));
        stream.CompleteWrites();
    }

    private static async Task ServeAsync(CausewayListener listener, TextWriter output)
    {
        await using CausewayConnection connection = await listener.AcceptConnectionAsync();
        try
        {
            while (true)
            {
                CausewayStream stream = await connection.AcceptStreamAsync();
                await AnswerAsync(stream, output);
            }
        }
        catch (TransportException error) when (error.Error == TransportError.ClosedByPeer)
        {
            await output.WriteLineAsync($"server: the client left with code {error.ErrorCode}");
        }
    }

    private static async Task AnswerAsync(CausewayStream stream, TextWriter output)
    {
        await using (stream)
        {
            string request = Encoding.UTF8.GetString(await ReadToEndAsync(stream));
            await output.WriteLineAsync($"server: got '{request}'");
            if (!stream.CanWrite)
            {
                return;
            }

            if (request == "file nothing")
            {
                stream.Abort(StreamAbortDirections.Write, NoSuchFile);
                return;
            }

            await stream.WriteAsync(request == "file data" ? s_file : Encoding.UTF8.GetBytes(request["echo ".Length..]));
            stream.CompleteWrites();
        }
    }

    private static async Task<byte[]> ReadToEndAsync(CausewayStream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }
}
