using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Causeway.PortForwarder.Demo;

/// <summary>A TCP service on loopback that answers each connection with the same bytes and closes it.</summary>
internal sealed class DemoService : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly byte[] _content;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    public DemoService(long size, ulong seed)
    {
        _content = new byte[size];
        new Random((int)(seed & int.MaxValue)).NextBytes(_content);
        Checksum = SHA256.HashData(_content);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _serving = ServeAsync();
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>SHA-256 of what every connection is answered with.</summary>
    public byte[] Checksum { get; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _serving.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        List<Task> answers = [];
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptAsync(_stop.Token).ConfigureAwait(false);
                answers.Add(AnswerAsync(socket));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(answers).ConfigureAwait(false);
        }
    }

    private async Task AnswerAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                // The request is one byte: a client that says nothing gets nothing.
                await socket.ReceiveAsync(new byte[1], _stop.Token).ConfigureAwait(false);
                for (int sent = 0; sent < _content.Length;)
                {
                    sent += await socket.SendAsync(_content.AsMemory(sent), _stop.Token).ConfigureAwait(false);
                }

                socket.Shutdown(SocketShutdown.Send);
                await socket.ReceiveAsync(new byte[1], _stop.Token).ConfigureAwait(false);
            }
            catch (Exception error) when (error is OperationCanceledException or SocketException)
            {
                // The client's side shows what is missing.
            }
        }
    }
}
