using Causeway.Fuzz;
using SharpFuzz;

// Under AFL a target is fed by it; alone, by the files that are named or by its own seeds. See README.md.
if (args.Length == 0 || FuzzTarget.All.FirstOrDefault(target => target.Name == args[0]) is not { } target)
{
    Console.Error.WriteLine($"usage: {string.Join('|', FuzzTarget.All.Select(static target => target.Name))} [--seeds FOLDER | FILE...]");
    return 2;
}

if (args is [_, "--seeds", var folder])
{
    Directory.CreateDirectory(folder);
    foreach ((int i, byte[] seed) in target.Seeds().Index())
    {
        File.WriteAllBytes(Path.Combine(folder, $"{target.Name}-{i}"), seed);
    }
}
else if (args.Length > 1)
{
    foreach (string file in args.Skip(1))
    {
        Console.WriteLine(file);
        target.Run(File.ReadAllBytes(file));
    }
}
else if (Environment.GetEnvironmentVariable("__AFL_SHM_ID") is not null)
{
    Fuzzer.OutOfProcess.Run(stream =>
    {
        using MemoryStream input = new();
        stream.CopyTo(input);
        target.Run(input.ToArray());
    });
}
else
{
    foreach (byte[] seed in target.Seeds())
    {
        target.Run(seed);
    }

    Console.WriteLine($"{target.Name}: {target.Seeds().Count} seeds run.");
}

return 0;
