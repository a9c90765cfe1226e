using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using Causeway.Kcptun.Crypt;
using Causeway.Protocol;
using Causeway.Protocol.Crypto;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;

namespace Causeway.Benchmarks.Micro;

/// <summary>
/// Ciphers alone, ours beside what .NET and BouncyCastle have for the same, encrypting in place batches of packets of 1344
/// bytes (whole blocks, which .NET insists on). One operation is one packet. Decryption by GCM begins with a copy of the
/// ciphertext, some 50 ns: only what is genuine is decrypted.
/// </summary>
public class CipherBenchmarks
{
    private const int Size = 1344;

    private readonly PacketPool _pool = new();
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly byte[] _iv = new byte[16];
    private readonly byte[] _scratch = new byte[Size];
    private readonly byte[] _packet = new byte[Size];
    private readonly byte[] _tag = new byte[16];
    private readonly byte[] _sealed = new byte[Size];
    private readonly byte[] _sealedTag = new byte[16];
    private PacketBuffer[] _batch = [];
    private PacketCipher _aes = null!;
    private PacketCipher _salsa = null!;
    private PacketCipher _tea = null!;
    private PacketCipher _xtea = null!;
    private PacketCipher _tripleDes = null!;
    private Aes _platformAes = null!;
    private GcmCipher _gcm = null!;
    private AesGcm _platformGcm = null!;

    [GlobalSetup]
    public void Setup()
    {
        _batch = Packets.Rent(_pool, size: Size);
        _aes = AesCfb.Create(_key);
        _salsa = Salsa20.Create(_key);
        _tea = new CfbCipher(new TeaBlockCipher(_key.AsSpan(0, 16)));
        _xtea = new CfbCipher(new XteaBlockCipher(_key.AsSpan(0, 16)));
        _tripleDes = new CfbCipher(new TripleDesBlockCipher(_key.AsSpan(0, 24)));
        _platformAes = Aes.Create();
        _platformAes.Key = _key;
        _gcm = GcmCipher.Create(_key.AsSpan(0, 16));
        _platformGcm = new AesGcm(_key.AsSpan(0, 16), _tag.Length);
        _platformGcm.Encrypt(_iv.AsSpan(0, 12), _packet, _sealed, _sealedTag);
    }

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void AesOurs() => _aes.Encrypt(_batch);

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void AesOursDecrypt() => _aes.Decrypt(_batch);

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void AesPlatform()
    {
        foreach (PacketBuffer packet in _batch)
        {
            _platformAes.EncryptCfb(packet.Payload, _iv, _scratch, PaddingMode.None, feedbackSizeInBits: 128);
        }
    }

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void AesPlatformDecrypt()
    {
        foreach (PacketBuffer packet in _batch)
        {
            _platformAes.DecryptCfb(packet.Payload, _iv, _scratch, PaddingMode.None, feedbackSizeInBits: 128);
        }
    }

    [Benchmark]
    public void AesBouncyCastle() => RunBlocks(new AesEngine(), 32, 16);

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void GcmOurs()
    {
        foreach (PacketBuffer packet in _batch)
        {
            _gcm.Seal(_iv.AsSpan(0, 12), associatedData: default, packet.Payload, _tag);
        }
    }

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public bool GcmOursDecrypt()
    {
        bool opened = true;
        foreach (PacketBuffer packet in _batch)
        {
            _sealed.CopyTo(packet.Payload);
            opened &= _gcm.TryOpen(_iv.AsSpan(0, 12), associatedData: default, packet.Payload, _sealedTag);
        }

        return opened ? opened : throw new InvalidOperationException("a genuine packet was refused");
    }

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void GcmPlatform()
    {
        foreach (PacketBuffer packet in _batch)
        {
            _platformGcm.Encrypt(_iv.AsSpan(0, 12), packet.Payload, _scratch, _tag);
        }
    }

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void GcmPlatformDecrypt()
    {
        foreach (PacketBuffer packet in _batch)
        {
            _sealed.CopyTo(packet.Payload);
            _platformGcm.Decrypt(_iv.AsSpan(0, 12), packet.Payload, _sealedTag, packet.Payload);
        }
    }

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void SalsaOurs() => _salsa.Encrypt(_batch);

    [Benchmark]
    public void SalsaBouncyCastle()
    {
        Salsa20Engine engine = new();
        engine.Init(forEncryption: true, new ParametersWithIV(new KeyParameter(_key), _iv, 0, 8));
        engine.ProcessBytes(_packet, 0, Size, _scratch, 0);
    }

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void TeaOurs() => _tea.Encrypt(_batch);

    [Benchmark]
    public void TeaBouncyCastle() => RunBlocks(new TeaEngine(), 16, 8);

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void XteaOurs() => _xtea.Encrypt(_batch);

    [Benchmark]
    public void XteaBouncyCastle() => RunBlocks(new XteaEngine(), 16, 8);

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void TripleDesOurs() => _tripleDes.Encrypt(_batch);

    [Benchmark]
    public void TripleDesBouncyCastle() => RunBlocks(new DesEdeEngine(), 24, 8);

    private void RunBlocks(IBlockCipher engine, int keyLength, int blockSize)
    {
        CfbBlockCipher cipher = new(engine, blockSize * 8);
        cipher.Init(forEncryption: true, new ParametersWithIV(new KeyParameter(_key, 0, keyLength), _iv, 0, blockSize));
        for (int offset = 0; offset < Size; offset += blockSize)
        {
            cipher.ProcessBlock(_packet, offset, _scratch, offset);
        }
    }
}
