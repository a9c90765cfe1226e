using Causeway.Links;

namespace Causeway.Tests.Links;

public sealed class PortableUdpLinkTests : UdpLinkTests
{
    protected override UdpLinkOptions EngineOptions => new() { Engine = UdpEngine.Portable };
}
