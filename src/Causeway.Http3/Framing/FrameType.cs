namespace Causeway.Http3.Framing;

/// <summary>Types of frames (RFC 9114, 7.2) and what is known of them before their payload is read.</summary>
internal static class FrameType
{
    public const long Data = 0x00;
    public const long Headers = 0x01;
    public const long CancelPush = 0x03;
    public const long Settings = 0x04;
    public const long PushPromise = 0x05;
    public const long GoAway = 0x07;
    public const long MaxPushId = 0x0d;

    /// <summary>
    /// Whether the type is one of HTTP/2 that HTTP/3 has not (PRIORITY, PING, WINDOW_UPDATE, CONTINUATION): not ignored as
    /// unknown but an error (RFC 9114, 7.2.8).
    /// </summary>
    public static bool IsForbidden(long type) => type is 0x02 or 0x06 or 0x08 or 0x09;
}
