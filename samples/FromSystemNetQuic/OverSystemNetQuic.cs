using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace FromSystemNetQuic;

/// <summary>A service of echoes and files, and its client, with System.Net.Quic, which needs a native library.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal static class OverSystemNetQuic
{
    private const long NoSuchFile = 404;
    private const long Done = 7;

    private static readonly SslApplicationProtocol s_protocol = new("files/1");
    private static readonly byte[] s_file = RandomNumberGenerator.GetBytes(1_000_000);

    public static async Task RunAsync(X509Certificate2 certificate, TextWriter output)
    {
        await using QuicListener listener = await QuicListener.ListenAsync(new QuicListenerOptions
        {
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            ApplicationProtocols = [s_protocol],
            ConnectionOptionsCallback = (_, _, _) => ValueTask.FromResult(new QuicServerConnectionOptions
            {
                DefaultStreamErrorCode = 1,
                DefaultCloseErrorCode = 0,
                ServerAuthenticationOptions = new SslServerAuthenticationOptions
                {
                    ApplicationProtocols = [s_protocol],
                    ServerCertificate = certificate,
                },
            }),
        });
        Task serving = ServeAsync(listener, output);

        await using (QuicConnection connection = await QuicConnection.ConnectAsync(new QuicClientConnectionOptions
        {
            RemoteEndPoint = listener.LocalEndPoint,
            DefaultStreamErrorCode = 1,
            DefaultCloseErrorCode = 0,
            ClientAuthenticationOptions = new SslClientAuthenticationOptions
            {
                ApplicationProtocols = [s_protocol],
                TargetHost = "localhost",
                RemoteCertificateValidationCallback = (_, shown, _, _) => shown!.GetCertHashString() == certificate.Thumbprint,
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
            catch (QuicException error) when (error.QuicError == QuicError.StreamAborted)
            {
                await output.WriteLineAsync($"client: no such file, code {error.ApplicationErrorCode}");
            }

            await connection.CloseAsync(Done);
        }

        await serving;
    }

    /// <summary>Asks on a stream of its own, and reads the answer to its end.</summary>
    private static async Task<byte[]> AskAsync(QuicConnection connection, string request)
    {
        await using QuicStream stream = await connection.OpenOutboundStreamAsync(QuicStreamType.Bidirectional);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(request));
        stream.CompleteWrites();
        return await ReadToEndAsync(stream);
    }

    /// <summary>Tells something that needs no answer.</summary>
    private static async Task NoteAsync(QuicConnection connection, string note)
    {
        await using QuicStream stream = await connection.OpenOutboundStreamAsync(QuicStreamType.Unidirectional);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(note));
        stream.CompleteWrites();
    }

    private static async Task ServeAsync(QuicListener listener, TextWriter output)
    {
        await using QuicConnection connection = await listener.AcceptConnectionAsync();
        try
        {
            while (true)
            {
                QuicStream stream = await connection.AcceptInboundStreamAsync();
                await AnswerAsync(stream, output);
            }
        }
        catch (QuicException error) when (error.QuicError == QuicError.ConnectionAborted)
        {
            await output.WriteLineAsync($"server: the client left with code {error.ApplicationErrorCode}");
        }
    }

    private static async Task AnswerAsync(QuicStream stream, TextWriter output)
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
                stream.Abort(QuicAbortDirection.Write, NoSuchFile);
                return;
            }

            await stream.WriteAsync(request == "file data" ? s_file : Encoding.UTF8.GetBytes(request["echo ".Length..]));
            stream.CompleteWrites();
        }
    }

    private static async Task<byte[]> ReadToEndAsync(QuicStream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }
}
