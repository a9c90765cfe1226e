global using Causeway.Protocol;
global using Causeway.Protocol.Recovery;
