namespace Causeway.Forwarding.Tunnels;

/// <summary>
/// A port of the client's whose users name the target themselves, by SOCKS 5 (RFC 1928: CONNECT and UDP ASSOCIATE) or by HTTP CONNECT
/// (RFC 9110, 9.3.6).
/// </summary>
public sealed record DynamicForward
{
    /// <summary>Where they connect; port 0 takes a free one. Who can connect there gets wherever the server leads this client.</summary>
    public required ForwardEndPoint Listen { get; init; }

    /// <summary>The name that users have to give, with <see cref="Password"/>; 1 to 255 bytes. Null, the default, for none.</summary>
    public string? UserName { get; init; }

    /// <summary>The password to <see cref="UserName"/>; 1 to 255 bytes.</summary>
    public string? Password { get; init; }

    /// <summary>Neither name nor password.</summary>
    public override string ToString() => $"{Listen}";

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Listen);
        if ((UserName is null) != (Password is null) || !Fits(UserName) || !Fits(Password))
        {
            throw new ArgumentException(
                $"The dynamic forward at {Listen} needs UserName and Password of 1 to 255 bytes each, or neither.", nameof(UserName));
        }
    }

    private static bool Fits(string? text) => text is null || System.Text.Encoding.UTF8.GetByteCount(text) is >= 1 and <= 255;
}
