using Causeway.Protocol;

namespace Causeway.Quic.Wire;

/// <summary>
/// The latency spin bit of one path (RFC 9000, 17.4), from which observers read the round-trip time. Make a new one
/// when the connection id of the path changes.
/// </summary>
/// <remarks>A mutable value: keep it in a field.</remarks>
internal struct SpinBit
{
    private readonly bool _isClient;
    private readonly bool _isEnabled;
    private byte _bit;
    private long _largest;

    /// <param name="role">Which end this is.</param>
    /// <param name="isEnabled">Whether it spins. On one path in sixteen, chosen at random, it must not.</param>
    /// <param name="random">Of a path where it does not spin: the value that it has.</param>
    public SpinBit(EndpointRole role, bool isEnabled, bool random)
    {
        _isClient = role == EndpointRole.Client;
        _isEnabled = isEnabled;
        _bit = !isEnabled && random ? HeaderBits.Spin : (byte)0;
        _largest = PacketNumber.None;
    }

    /// <summary>The bit as the next short header has it, in its place.</summary>
    public readonly byte Bit => _bit;

    /// <summary>Takes the bit of a packet that was opened.</summary>
    /// <param name="first">The first byte of its short header.</param>
    /// <param name="packetNumber">Its number: those that come late do not count.</param>
    public void OnOpened(byte first, long packetNumber)
    {
        if (!_isEnabled || packetNumber <= _largest)
        {
            return;
        }

        _largest = packetNumber;
        _bit = (byte)((first ^ (_isClient ? HeaderBits.Spin : 0)) & HeaderBits.Spin);
    }
}
