using Causeway.PortForwarder;

return await CommandLine.RunAsync(args, Console.Out, Console.Error);
