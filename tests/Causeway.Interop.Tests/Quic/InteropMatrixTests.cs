namespace Causeway.Interop.Tests.Quic;

/// <summary>docs/interop.md says what the tests show.</summary>
public sealed class InteropMatrixTests
{
    [Fact]
    public void TheTableInTheDocumentationHasACellForEveryTest()
    {
        if (Environment.GetEnvironmentVariable(InteropMatrix.UpdateVariable) != "1")
        {
            Assert.Equal(InteropMatrix.Expected(), InteropMatrix.Stored());
        }
    }
}
