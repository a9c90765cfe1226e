global using Causeway.Protocol;
global using Causeway.Protocol.Fec;
global using Causeway.Protocol.Recovery;
global using Causeway.Protocol.Streams;
