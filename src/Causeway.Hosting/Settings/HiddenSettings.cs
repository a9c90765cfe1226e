using System.Security.Cryptography.X509Certificates;

namespace Causeway.Hosting;

/// <summary>The part of an end's settings that nothing shows.</summary>
internal sealed class HiddenSettings
{
    /// <summary>This end's own key in PEM.</summary>
    public SecretText? Key { get; set; }

    /// <summary>The secret that both ends share.</summary>
    public SecretText? SharedSecret { get; set; }

    /// <summary>What the certificate's private key is encrypted with.</summary>
    public SecretText? CertificatePassword { get; set; }

    /// <summary>This end's certificate, which is the caller's.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>What was wrong already when configuration was bound.</summary>
    public List<string> Problems { get; } = [];
}
