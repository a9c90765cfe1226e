using Causeway.Testing;

namespace Causeway.TestKit;

/// <summary>Fault plans by name, and at random.</summary>
public static class FaultPlans
{
    private static readonly FaultModelOptions s_broadband = new()
    {
        RateBitsPerSecond = 20_000_000,
        Delay = TimeSpan.FromMilliseconds(15),
    };

    /// <summary>Every named plan.</summary>
    public static IReadOnlyList<FaultPlan> All { get; } =
    [
        Both("Clean", s_broadband),
        Both("Instant", new FaultModelOptions()),
        Both("Lossy1", s_broadband with { Loss = 0.01 }),
        Both("Lossy5", s_broadband with { Loss = 0.05 }),
        Both("Lossy20", s_broadband with { Loss = 0.2 }),
        Both("Bursts", s_broadband with { BurstEnter = 0.01, BurstLeave = 0.2 }),
        Both("Jittery", s_broadband with { Jitter = TimeSpan.FromMilliseconds(10) }),
        Both("JitteryInOrder", s_broadband with { Jitter = TimeSpan.FromMilliseconds(10), KeepOrder = true }),
        Both("Reordering", s_broadband with { Reorder = 0.1, ReorderGap = TimeSpan.FromMilliseconds(8) }),
        Both("Duplicating", s_broadband with { Duplicate = 0.2, Jitter = TimeSpan.FromMilliseconds(3) }),
        Both("Corrupting", s_broadband with { Corrupt = 0.03 }),
        Both("Satellite", new FaultModelOptions
        {
            RateBitsPerSecond = 10_000_000,
            Delay = TimeSpan.FromMilliseconds(300),
            Loss = 0.01,
        }),
        Both("BufferBloat", new FaultModelOptions
        {
            RateBitsPerSecond = 4_000_000,
            Delay = TimeSpan.FromMilliseconds(10),
            QueueBytes = 1 << 20,
        }),
        Both("ShallowQueue", new FaultModelOptions
        {
            RateBitsPerSecond = 10_000_000,
            Delay = TimeSpan.FromMilliseconds(20),
            QueueBytes = 12_000,
        }),
        Both("Modem", new FaultModelOptions
        {
            RateBitsPerSecond = 256_000,
            Delay = TimeSpan.FromMilliseconds(60),
            Loss = 0.01,
        }),
        new FaultPlan
        {
            Name = "ThinReturn",
            Forward = s_broadband,
            Backward = new FaultModelOptions
            {
                RateBitsPerSecond = 200_000,
                Delay = TimeSpan.FromMilliseconds(15),
                QueueBytes = 16_000,
            },
        },
        new FaultPlan { Name = "LossyReturn", Forward = s_broadband, Backward = s_broadband with { Loss = 0.3 } },
        Blackout("Blackout1s", TimeSpan.FromSeconds(1)),
        Blackout("Blackout10s", TimeSpan.FromSeconds(10)),
        Both("DelayDoubles", s_broadband) with
        {
            Changes =
            [
                new PlannedChange
                {
                    At = TimeSpan.FromMilliseconds(150),
                    Forward = s_broadband with { Delay = TimeSpan.FromMilliseconds(30) },
                    Backward = s_broadband with { Delay = TimeSpan.FromMilliseconds(30) },
                },
            ],
        },
        Both("DelayFalls", s_broadband with { Delay = TimeSpan.FromMilliseconds(60) }) with
        {
            Changes = [new PlannedChange { At = TimeSpan.FromMilliseconds(300), Forward = s_broadband, Backward = s_broadband }],
        },
        Both("Rebinding", s_broadband) with
        {
            Changes = [new PlannedChange { At = TimeSpan.FromMilliseconds(120), Rebind = true }],
        },
        Both("ClockLeap", s_broadband) with
        {
            Changes = [new PlannedChange { At = TimeSpan.FromMilliseconds(120), ClockJump = TimeSpan.FromSeconds(10) }],
        },
    ];

    /// <summary>A named plan with a seed.</summary>
    /// <exception cref="ArgumentException">There is no plan of that name.</exception>
    public static FaultPlan Named(string name, ulong seed = 1)
    {
        foreach (FaultPlan plan in All)
        {
            if (plan.Name == name)
            {
                return plan with { Seed = seed };
            }
        }

        throw new ArgumentException($"There is no fault plan '{name}'.", nameof(name));
    }

    /// <summary>A plan drawn by a seed: any mixture of faults, each direction by itself, some of them mild, some absurd.</summary>
    public static FaultPlan Random(ulong seed)
    {
        SeededRandom random = new(SeededRandom.Derive(seed, 0xFA));
        FaultModelOptions forward = RandomDirection(random);
        FaultModelOptions backward = random.Chance(0.5) ? forward : RandomDirection(random);
        List<PlannedChange> changes = [];
        if (random.Chance(0.2))
        {
            TimeSpan start = TimeSpan.FromMilliseconds(random.Between(50, 800));
            TimeSpan length = TimeSpan.FromMilliseconds(random.Between(100, 5000));
            changes.Add(new PlannedChange { At = start, Blackout = true });
            changes.Add(new PlannedChange { At = start + length, Blackout = false });
        }

        if (random.Chance(0.2))
        {
            changes.Add(new PlannedChange
            {
                At = TimeSpan.FromMilliseconds(random.Between(50, 1500)),
                Forward = RandomDirection(random),
                Backward = RandomDirection(random),
            });
        }

        if (random.Chance(0.15))
        {
            changes.Add(new PlannedChange { At = TimeSpan.FromMilliseconds(random.Between(20, 1000)), Rebind = true });
        }

        if (random.Chance(0.1))
        {
            changes.Add(new PlannedChange
            {
                At = TimeSpan.FromMilliseconds(random.Between(20, 1000)),
                ClockJump = TimeSpan.FromMilliseconds(random.Between(1, 20_000)),
            });
        }

        return new FaultPlan { Name = "Random", Seed = seed, Forward = forward, Backward = backward, Changes = changes };
    }

    private static FaultModelOptions RandomDirection(SeededRandom random)
    {
        // Draws are made whether used or not, so that one choice does not shift those after it.
        double loss = random.NextDouble();
        double burst = random.NextDouble();
        int delay = random.Between(0, 1000);
        int jitter = random.Between(0, 1000);
        int rate = random.Between(0, 1000);
        int queue = random.Between(4_000, 400_000);
        double reorder = random.NextDouble();
        double duplicate = random.NextDouble();
        double corrupt = random.NextDouble();
        return new FaultModelOptions
        {
            Loss = random.Chance(0.6) ? 0.25 * loss * loss : 0,
            BurstEnter = random.Chance(0.3) ? 0.05 * burst : 0,
            BurstLeave = 0.05 + (0.5 * random.NextDouble()),
            Delay = TimeSpan.FromMicroseconds(250.0 * delay * delay / 1000),
            Jitter = random.Chance(0.4) ? TimeSpan.FromMicroseconds(30.0 * jitter * jitter / 1000) : TimeSpan.Zero,
            KeepOrder = random.Chance(0.5),
            RateBitsPerSecond = random.Chance(0.6) ? (long)(300_000 * Math.Pow(300, rate / 1000.0)) : 0,
            QueueBytes = queue,
            Reorder = random.Chance(0.3) ? 0.3 * reorder : 0,
            ReorderGap = TimeSpan.FromMicroseconds(random.Between(100, 40_000)),
            Duplicate = random.Chance(0.3) ? 0.3 * duplicate : 0,
            Corrupt = random.Chance(0.15) ? 0.05 * corrupt : 0,
        };
    }

    private static FaultPlan Both(string name, FaultModelOptions options) =>
        new() { Name = name, Forward = options, Backward = options };

    private static FaultPlan Blackout(string name, TimeSpan length) => Both(name, s_broadband) with
    {
        Changes =
        [
            new PlannedChange { At = TimeSpan.FromMilliseconds(150), Blackout = true },
            new PlannedChange { At = TimeSpan.FromMilliseconds(150) + length, Blackout = false },
        ],
    };
}
