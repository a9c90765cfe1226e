namespace Causeway.Quic.Tests.Handshake;

/// <summary>A fact about OpenSSL: SslStream on macOS has no TLS 1.3, and SChannel decides by settings of the machine.</summary>
internal sealed class OpenSslFactAttribute : FactAttribute
{
    public OpenSslFactAttribute() => Skip = Reason;

    public static string? Reason => OperatingSystem.IsLinux() ? null : "SslStream is not OpenSSL here.";
}

/// <summary>A theory about OpenSSL.</summary>
internal sealed class OpenSslTheoryAttribute : TheoryAttribute
{
    public OpenSslTheoryAttribute() => Skip = OpenSslFactAttribute.Reason;
}
