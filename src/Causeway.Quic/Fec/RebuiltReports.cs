using Causeway.Quic.Wire;

namespace Causeway.Quic.Fec;

/// <summary>
/// Tells the sender which sources were rebuilt, so that it does not send them again. As acknowledgements, the frames are not
/// acknowledged themselves: each source is told of three times, with whatever acknowledgements leave.
/// </summary>
internal sealed class RebuiltReports
{
    private const int Times = 3;

    // More are rebuilt at once only after an outage. What does not fit is sent again, which is harmless.
    private const int Most = 32;

    private readonly (long Id, int Left)[] _reports = new (long Id, int Left)[Most];
    private int _count;

    /// <summary>A source was rebuilt.</summary>
    public void Add(long id)
    {
        if (_count == Most)
        {
            _reports.AsSpan(1).CopyTo(_reports);
            _count--;
        }

        int at = _count++;
        for (; at > 0 && _reports[at - 1].Id > id; at--)
        {
            _reports[at] = _reports[at - 1];
        }

        _reports[at] = (id, Times);
    }

    /// <summary>Writes what is to be told.</summary>
    /// <returns>Bytes.</returns>
    public int Write(Span<byte> room)
    {
        int written = 0;
        int told = 0;
        while (told < _count)
        {
            int end = told + 1;
            while (end < _count && _reports[end].Id == _reports[end - 1].Id + 1)
            {
                end++;
            }

            int frame = FrameWriter.FecRecovered(room[written..], _reports[told].Id, end - told);
            if (frame == 0)
            {
                break;
            }

            written += frame;
            told = end;
        }

        int kept = 0;
        for (int i = 0; i < _count; i++)
        {
            (long id, int left) = _reports[i];
            left -= i < told ? 1 : 0;
            if (left > 0)
            {
                _reports[kept++] = (id, left);
            }
        }

        _count = kept;
        return written;
    }
}
