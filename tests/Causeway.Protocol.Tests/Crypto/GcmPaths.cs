using Causeway.Protocol.Crypto;

namespace Causeway.Protocol.Tests.Crypto;

/// <summary>Every way to run GCM: those of this processor, and ours over what the instructions do.</summary>
internal static class GcmPaths
{
    private const string Default = "default";
    private const string Platform = "platform";
    private const string X86 = "x86";
    private const string X86Emulated = "x86 emulated";
    private const string ArmEmulated = "Arm emulated";

    /// <summary>Those that this processor can run.</summary>
    public static IEnumerable<string> Names =>
        X86AesInstructions.IsSupported && X86CarrylessInstructions.IsSupported
            ? [Default, Platform, X86, X86Emulated, ArmEmulated]
            : [Default, Platform, X86Emulated, ArmEmulated];

    public static bool IsEmulated(string name) => name is X86Emulated or ArmEmulated;

    public static GcmCipher Create(string name, ReadOnlySpan<byte> key) => name switch
    {
        Default => GcmCipher.Create(key),
        Platform => new PlatformGcmCipher(key),
        X86 => new InterleavedGcmCipher<X86AesInstructions, X86CarrylessInstructions>(key),
        X86Emulated => new InterleavedGcmCipher<SoftwareX86Aes, SoftwareCarryless>(key),
        ArmEmulated => new InterleavedGcmCipher<SoftwareArmAes, SoftwareCarryless>(key),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "not a way to run GCM"),
    };
}
