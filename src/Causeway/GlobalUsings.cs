global using Causeway.Protocol;
