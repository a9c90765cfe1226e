using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>Changes handshake messages in ways that no implementation would.</summary>
internal static class MessageEditor
{
    public static HandshakeType TypeOf(byte[] message) => (HandshakeType)message[0];

    /// <summary>A message with a right length around a body.</summary>
    public static byte[] Message(HandshakeType type, params byte[] body) =>
        [(byte)type, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];

    /// <summary>Changes the list of extensions and puts all lengths right.</summary>
    public static byte[] WithExtensions(byte[] message, Action<List<(ExtensionType Type, byte[] Data)>> edit)
    {
        int start = ExtensionsStart(message);
        List<(ExtensionType Type, byte[] Data)> extensions = [];
        int position = start + 2;
        while (position < message.Length)
        {
            int length = (message[position + 2] << 8) | message[position + 3];
            extensions.Add((
                (ExtensionType)((message[position] << 8) | message[position + 1]),
                message[(position + 4)..(position + 4 + length)]));
            position += 4 + length;
        }

        edit(extensions);
        List<byte> block = [];
        foreach ((ExtensionType type, byte[] data) in extensions)
        {
            block.AddRange([(byte)((int)type >> 8), (byte)type, (byte)(data.Length >> 8), (byte)data.Length, .. data]);
        }

        return Message(TypeOf(message), [.. message[4..start], (byte)(block.Count >> 8), (byte)block.Count, .. block]);
    }

    public static byte[] Without(byte[] message, ExtensionType type) =>
        WithExtensions(message, extensions => extensions.RemoveAll(extension => extension.Type == type));

    /// <summary>Adds an extension before the last, which may have to stay the last.</summary>
    public static byte[] With(byte[] message, ExtensionType type, params byte[] data) =>
        WithExtensions(message, extensions => extensions.Insert(Math.Max(0, extensions.Count - 1), (type, data)));

    public static byte[] Replacing(byte[] message, ExtensionType type, params byte[] data) =>
        WithExtensions(message, extensions =>
        {
            int index = extensions.FindIndex(extension => extension.Type == type);
            Assert.True(index >= 0, $"there is no {type} to replace");
            extensions[index] = (type, data);
        });

    public static byte[] Duplicating(byte[] message, ExtensionType type) =>
        WithExtensions(message, extensions => extensions.Insert(0, extensions.Find(extension => extension.Type == type)));

    public static byte[] Extension(byte[] message, ExtensionType type)
    {
        byte[] found = [];
        WithExtensions(message, extensions => found = extensions.Find(extension => extension.Type == type).Data);
        return found;
    }

    /// <summary>Changes one byte.</summary>
    public static byte[] Flip(byte[] message, int position, byte mask = 1)
    {
        byte[] changed = [.. message];
        changed[position] ^= mask;
        return changed;
    }

    /// <summary>Replaces bytes by others, perhaps of another number, and puts the message's length right.</summary>
    public static byte[] Splice(byte[] message, int start, int count, params byte[] bytes) =>
        Message(TypeOf(message), [.. message[4..start], .. bytes, .. message[(start + count)..]]);

    private static int ExtensionsStart(byte[] message)
    {
        // type and length, version, random, and then the session id.
        const int SessionId = 4 + 2 + 32;
        switch (TypeOf(message))
        {
            case HandshakeType.ClientHello:
                int suites = SessionId + 1 + message[SessionId];
                int compression = suites + 2 + ((message[suites] << 8) | message[suites + 1]);
                return compression + 1 + message[compression];
            case HandshakeType.ServerHello:
                return SessionId + 1 + message[SessionId] + 3;
            case HandshakeType.EncryptedExtensions:
                return 4;
            case HandshakeType.CertificateRequest:
                return 5;
            case HandshakeType.NewSessionTicket:
                int nonce = 4 + 8;
                int ticket = nonce + 1 + message[nonce];
                return ticket + 2 + ((message[ticket] << 8) | message[ticket + 1]);
            default:
                throw new ArgumentException($"{TypeOf(message)} has no extensions.", nameof(message));
        }
    }
}
