global using Causeway;
