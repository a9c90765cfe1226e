namespace Causeway.TestKit;

/// <summary>Feeds one input to the code under test. To throw is to fail.</summary>
public delegate void FuzzAction(ReadOnlySpan<byte> input);
