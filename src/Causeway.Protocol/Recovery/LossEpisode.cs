namespace Causeway.Protocol.Recovery;

/// <summary>
/// The losses from the first that is found until each of them has been acknowledged. The window reduction they caused
/// may be undone only if every one was needless (the Eifel response, RFC 4015; Linux does the same).
/// </summary>
internal struct LossEpisode
{
    private int _pending;
    private bool _genuine;

    /// <summary>A segment was deemed lost that was not before.</summary>
    public void OnLost() => _pending++;

    /// <summary>Such a segment was acknowledged. True if the episode ends here and no loss in it was one.</summary>
    public bool OnResolved(bool wasSpurious)
    {
        _genuine |= !wasSpurious;
        if (--_pending > 0)
        {
            return false;
        }

        bool spurious = !_genuine;
        _genuine = false;
        return spurious;
    }
}
