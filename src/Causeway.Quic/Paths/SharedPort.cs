using System.Collections.Concurrent;
using System.Security.Cryptography;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Paths;

/// <summary>
/// What the endpoints of one listener have in common, each of which has a socket of its own on the same port: limits, the key that
/// marks their connection ids, and who has which client's first id. Used by several threads at once.
/// </summary>
internal sealed class SharedPort
{
    private readonly ConcurrentDictionary<ConnectionId, int> _claims = new();
    private readonly byte[] _markKey = GC.AllocateArray<byte>(ShardMark.KeyLength, pinned: true);
    private int _users;

    /// <param name="shards">How many endpoints share it.</param>
    /// <param name="settings">Their limits.</param>
    public SharedPort(int shards, QuicSettings settings)
    {
        Shards = shards;
        _users = shards;
        Handshakes = new HandshakeCounts(settings);
        Answers = new AnswerBudget(settings.AnswersPerSecond);
        settings.Random(_markKey);
    }

    /// <summary>How many endpoints share it.</summary>
    public int Shards { get; }

    /// <summary>Hides the index of a socket in connection ids (<see cref="ShardMark"/>).</summary>
    public ReadOnlySpan<byte> MarkKey => _markKey;

    /// <summary>The handshakes under way on all sockets.</summary>
    public HandshakeCounts Handshakes { get; }

    /// <summary>Answers of all sockets to strangers.</summary>
    public AnswerBudget Answers { get; }

    /// <summary>Ids that clients chose for connections that are open.</summary>
    public int ClaimCount => _claims.Count;

    /// <summary>Who has the session of a client's first id.</summary>
    public bool TryFind(in ConnectionId id, out int shard) => _claims.TryGetValue(id, out shard);

    /// <summary>Claims a client's first id: its datagrams, wherever they arrive, are one session's from here on.</summary>
    /// <returns>Whose it is: the caller's, or whoever was faster.</returns>
    public int Claim(in ConnectionId id, int shard) => _claims.GetOrAdd(id, shard);

    /// <summary>Gives a claim back, if it is the caller's.</summary>
    public void Release(in ConnectionId id, int shard) => _claims.TryRemove(new KeyValuePair<ConnectionId, int>(id, shard));

    /// <summary>An endpoint is gone; the last one takes the key with it.</summary>
    public void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            CryptographicOperations.ZeroMemory(_markKey);
        }
    }
}
