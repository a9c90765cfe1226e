using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Causeway.Protocol;
using Causeway.Protocol.Crypto;

namespace Causeway.Kcptun.Crypt;

/// <summary>AES-CFB (docs/wire/kcptun.md 3.2) by AES instructions, eight blocks at a time in both directions.</summary>
/// <remarks>
/// An AES instruction takes several cycles to finish, but a new one can start every cycle. Decryption of a packet has
/// all its cipher inputs at hand, so eight blocks of one packet run together. Encryption has not: each block's input
/// is the block before it. So eight <em>packets</em> run together, each in a lane; when one ends, the next takes its
/// lane.
/// </remarks>
internal sealed unsafe class AesCfbInterleavedCipher<TAes> : PacketCipher
    where TAes : struct, IAesInstructions
{
    private const int BlockSize = 16;
    private const int Lanes = 8;

    private readonly AesKeySchedule<TAes> _schedule;

    // E(IV): the same for every packet under one key.
    private Vector128<byte> _firstKeystream;

    public AesCfbInterleavedCipher(ReadOnlySpan<byte> key)
    {
        _schedule = new AesKeySchedule<TAes>(key);
        Vector128<byte> initial = Vector128.Create(CfbCipher.InitialVector);
        _firstKeystream = AesBlocks<TAes>.EncryptOne(_schedule.Keys, _schedule.Rounds, initial);
    }

    public override void Encrypt(ReadOnlySpan<PacketBuffer> batch)
    {
        byte* tails = stackalloc byte[Lanes * BlockSize];
        CfbLane* lanes = stackalloc CfbLane[Lanes];
        for (int i = 0; i < Lanes; i++)
        {
            lanes[i].Scratch = tails + (i * BlockSize);
        }

        int next = 0;
        int active = 0;
        while (true)
        {
            for (; active < Lanes && next < batch.Length; next++)
            {
                active += lanes[active].TryStart(Address(batch[next]), batch[next].Length, _firstKeystream) ? 1 : 0;
            }

            if (active == 0)
            {
                return;
            }

            int steps = lanes[0].Blocks;
            for (int i = 1; i < active; i++)
            {
                steps = Math.Min(steps, lanes[i].Blocks);
            }

            switch (active)
            {
                case 1:
                    RunOne(_schedule, lanes, steps);
                    break;
                case <= 4:
                    RunFour(_schedule, lanes, active, steps);
                    break;
                default:
                    RunEight(_schedule, lanes, active, steps);
                    break;
            }

            for (int i = active - 1; i >= 0; i--)
            {
                if (!lanes[i].TryContinue(steps))
                {
                    active--;
                    (lanes[i], lanes[active]) = (lanes[active], lanes[i]);
                }
            }
        }
    }

    public override void Decrypt(ReadOnlySpan<PacketBuffer> batch)
    {
        const int Group = Lanes * BlockSize;
        byte* scratch = stackalloc byte[Group];
        foreach (PacketBuffer packet in batch)
        {
            byte* position = Address(packet);
            int groups = packet.Length / Group;
            Vector128<byte> before = Vector128.Create(CfbCipher.InitialVector);
            DecryptGroups(_schedule, position, groups, ref before);

            // What remains, partial block included, goes the same way in a place where the kernel may run past its end.
            int left = packet.Length % Group;
            if (left > 0)
            {
                position += groups * Group;
                Unsafe.CopyBlockUnaligned(scratch, position, (uint)left);
                DecryptGroups(_schedule, scratch, groups: 1, ref before);
                Unsafe.CopyBlockUnaligned(position, scratch, (uint)left);
            }
        }

        CryptographicOperations.ZeroMemory(new Span<byte>(scratch, Group));
    }

    public override void Dispose()
    {
        _schedule.Zero();
        _firstKeystream = default;
    }

    /// <summary>
    /// Decrypts groups of eight whole blocks in place. <paramref name="before"/> is the block of ciphertext before
    /// them, and becomes the last one of them.
    /// </summary>
    private static void DecryptGroups(
        AesKeySchedule<TAes> schedule, byte* position, int groups, ref Vector128<byte> before)
    {
        byte* keys = schedule.Keys;
        int rounds = schedule.Rounds;
        Vector128<byte> last = before;
        for (; groups > 0; groups--)
        {
            Vector128<byte> s0 = last;
            Vector128<byte> s1 = Vector128.Load(position);
            Vector128<byte> s2 = Vector128.Load(position + 16);
            Vector128<byte> s3 = Vector128.Load(position + 32);
            Vector128<byte> s4 = Vector128.Load(position + 48);
            Vector128<byte> s5 = Vector128.Load(position + 64);
            Vector128<byte> s6 = Vector128.Load(position + 80);
            Vector128<byte> s7 = Vector128.Load(position + 96);
            last = Vector128.Load(position + 112);
            AesBlocks<TAes>.EncryptEight(keys, rounds, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            (s0 ^ Vector128.Load(position)).Store(position);
            (s1 ^ Vector128.Load(position + 16)).Store(position + 16);
            (s2 ^ Vector128.Load(position + 32)).Store(position + 32);
            (s3 ^ Vector128.Load(position + 48)).Store(position + 48);
            (s4 ^ Vector128.Load(position + 64)).Store(position + 64);
            (s5 ^ Vector128.Load(position + 80)).Store(position + 80);
            (s6 ^ Vector128.Load(position + 96)).Store(position + 96);
            (s7 ^ last).Store(position + 112);
            position += Lanes * BlockSize;
        }

        before = last;
    }

    /// <summary>
    /// Encrypts <paramref name="steps"/> blocks in each lane. An idle lane shadows the first one: same input, same
    /// output, same place. That is harmless because a step loads from all lanes before it stores to any.
    /// </summary>
    private static void RunEight(AesKeySchedule<TAes> schedule, CfbLane* lanes, int active, int steps)
    {
        Debug.Assert(active is > 4 and <= Lanes, "fewer lanes have a kernel of their own");
        CfbLane* lane5 = active > 5 ? lanes + 5 : lanes;
        CfbLane* lane6 = active > 6 ? lanes + 6 : lanes;
        CfbLane* lane7 = active > 7 ? lanes + 7 : lanes;
        byte* p0 = lanes->Position;
        byte* p1 = lanes[1].Position;
        byte* p2 = lanes[2].Position;
        byte* p3 = lanes[3].Position;
        byte* p4 = lanes[4].Position;
        byte* p5 = lane5->Position;
        byte* p6 = lane6->Position;
        byte* p7 = lane7->Position;
        Vector128<byte> s0 = lanes->Feedback;
        Vector128<byte> s1 = lanes[1].Feedback;
        Vector128<byte> s2 = lanes[2].Feedback;
        Vector128<byte> s3 = lanes[3].Feedback;
        Vector128<byte> s4 = lanes[4].Feedback;
        Vector128<byte> s5 = lane5->Feedback;
        Vector128<byte> s6 = lane6->Feedback;
        Vector128<byte> s7 = lane7->Feedback;
        byte* keys = schedule.Keys;
        int rounds = schedule.Rounds;
        nint length = (nint)steps * BlockSize;
        for (nint offset = 0; offset < length; offset += BlockSize)
        {
            AesBlocks<TAes>.EncryptEight(keys, rounds, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            s0 ^= Vector128.Load(p0 + offset);
            s1 ^= Vector128.Load(p1 + offset);
            s2 ^= Vector128.Load(p2 + offset);
            s3 ^= Vector128.Load(p3 + offset);
            s4 ^= Vector128.Load(p4 + offset);
            s5 ^= Vector128.Load(p5 + offset);
            s6 ^= Vector128.Load(p6 + offset);
            s7 ^= Vector128.Load(p7 + offset);
            s0.Store(p0 + offset);
            s1.Store(p1 + offset);
            s2.Store(p2 + offset);
            s3.Store(p3 + offset);
            s4.Store(p4 + offset);
            s5.Store(p5 + offset);
            s6.Store(p6 + offset);
            s7.Store(p7 + offset);
        }

        lanes->Feedback = s0;
        lanes[1].Feedback = s1;
        lanes[2].Feedback = s2;
        lanes[3].Feedback = s3;
        lanes[4].Feedback = s4;
        lane5->Feedback = s5;
        lane6->Feedback = s6;
        lane7->Feedback = s7;
    }

    /// <summary>
    /// <see cref="RunEight"/> for two to four lanes: half the work where the processor starts one round a cycle.
    /// </summary>
    private static void RunFour(AesKeySchedule<TAes> schedule, CfbLane* lanes, int active, int steps)
    {
        Debug.Assert(active is > 1 and <= 4, "more or fewer lanes have a kernel of their own");
        CfbLane* lane2 = active > 2 ? lanes + 2 : lanes;
        CfbLane* lane3 = active > 3 ? lanes + 3 : lanes;
        byte* p0 = lanes->Position;
        byte* p1 = lanes[1].Position;
        byte* p2 = lane2->Position;
        byte* p3 = lane3->Position;
        Vector128<byte> s0 = lanes->Feedback;
        Vector128<byte> s1 = lanes[1].Feedback;
        Vector128<byte> s2 = lane2->Feedback;
        Vector128<byte> s3 = lane3->Feedback;
        byte* keys = schedule.Keys;
        int rounds = schedule.Rounds;
        nint length = (nint)steps * BlockSize;
        for (nint offset = 0; offset < length; offset += BlockSize)
        {
            AesBlocks<TAes>.EncryptFour(keys, rounds, ref s0, ref s1, ref s2, ref s3);
            s0 ^= Vector128.Load(p0 + offset);
            s1 ^= Vector128.Load(p1 + offset);
            s2 ^= Vector128.Load(p2 + offset);
            s3 ^= Vector128.Load(p3 + offset);
            s0.Store(p0 + offset);
            s1.Store(p1 + offset);
            s2.Store(p2 + offset);
            s3.Store(p3 + offset);
        }

        lanes->Feedback = s0;
        lanes[1].Feedback = s1;
        lane2->Feedback = s2;
        lane3->Feedback = s3;
    }

    private static void RunOne(AesKeySchedule<TAes> schedule, CfbLane* lane, int steps)
    {
        byte* keys = schedule.Keys;
        int rounds = schedule.Rounds;
        byte* position = lane->Position;
        Vector128<byte> state = lane->Feedback;
        for (; steps > 0; steps--)
        {
            state = AesBlocks<TAes>.EncryptOne(keys, rounds, state) ^ Vector128.Load(position);
            state.Store(position);
            position += BlockSize;
        }

        lane->Feedback = state;
    }
}
