using System.Text.Json;
using Causeway.Kcp.Fec;
using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Kcptun.Configuration;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.TunnelSession;

/// <summary>
/// One datagram of a recorded exchange: as it was on the wire, without its crypt, and what the reference says is in it.
/// </summary>
internal sealed record RecordedDatagram(int Milliseconds, bool FromClient, byte[] Wire, byte[] Plain, string Decoded)
{
    public bool IsParity => Decoded.StartsWith("fec parity", StringComparison.Ordinal);
}

/// <summary>An exchange between the reference's client and server, opened with a profile made from its settings.</summary>
internal sealed class TunnelRecording : IDisposable
{
    public const string Plain = "tunnel-session.json";
    public const string EverythingOn = "tunnel-session-gcm-qpp-comp.json";

    // What the reference's client gives its first stream (docs/wire/kcptun.md 7.2).
    public const uint StreamId = 3;

    private readonly byte[] _requests;
    private readonly byte[] _responses;
    private readonly KcptunProfile _client;
    private readonly KcptunProfile _server;

    public TunnelRecording(string file)
    {
        JsonElement json = GoldenVectors.Load(file);
        _requests = Concatenate(json.GetProperty("requests_hex"));
        _responses = Concatenate(json.GetProperty("responses_hex"));
        ReadOnlySpan<byte> settings = JsonSerializer.SerializeToUtf8Bytes(Settings(json));
        _client = new KcptunProfile(KcptunClientConfig.Parse(settings));
        _server = new KcptunProfile(KcptunServerConfig.Parse(settings));
        Datagrams = [.. json.GetProperty("datagrams").EnumerateArray().Select(Open)];
    }

    public byte[] Requests => [.. _requests];

    public byte[] Responses => [.. _responses];

    public IReadOnlyList<RecordedDatagram> Datagrams { get; }

    /// <summary>The conversation that the reference's client chose.</summary>
    public uint Conversation => SegmentHeader.Read(Datagrams[0].Plain.AsSpan(FecEncoder.HeaderSize)).Conversation;

    public KcptunProfile Profile(EndpointRole role) => role == EndpointRole.Client ? _client : _server;

    public IReadOnlyList<RecordedDatagram> Sent(bool byClient) => [.. Datagrams.Where(datagram => datagram.FromClient == byClient)];

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    // The recorder wrote the settings under kcptun's own names, except for those of QPP.
    private static Dictionary<string, JsonElement> Settings(JsonElement json)
    {
        Dictionary<string, JsonElement> settings = [];
        foreach (string name in (string[])["key", "crypt", "mode", "datashard", "parityshard", "mtu", "smuxver", "nocomp"])
        {
            settings.Add(name, json.GetProperty(name));
        }

        settings.Add("qpp", json.GetProperty("qpp"));
        if (json.TryGetProperty("qpp_count", out JsonElement pads))
        {
            settings.Add("qpp-count", pads);
        }

        return settings;
    }

    private static byte[] Concatenate(JsonElement pieces) => [.. pieces.EnumerateArray().SelectMany(static piece => piece.Hex())];

    private RecordedDatagram Open(JsonElement json)
    {
        bool fromClient = json.GetProperty("dir").GetString() == "c2s";
        byte[] wire = json.Hex("hex");
        using DatagramTransform transform = Profile(fromClient ? EndpointRole.Server : EndpointRole.Client).Transport.PacketProtection!();
        PacketPool pool = new();
        PacketBuffer buffer = pool.Rent();
        wire.CopyTo(buffer.Append(wire.Length));
        if (transform.Unprotect([buffer]) != 1)
        {
            throw new InvalidOperationException($"A recorded datagram is not authentic: {Convert.ToHexString(wire)}");
        }

        byte[] plain = buffer.Payload.ToArray();
        buffer.Release();
        return new RecordedDatagram(
            json.GetProperty("t_ms").GetInt32(), fromClient, wire, plain, json.GetProperty("decoded").GetString()!);
    }
}
