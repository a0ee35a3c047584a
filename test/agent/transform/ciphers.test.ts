import { describe, expect, it } from 'vitest';
import { ciphers } from '../../../agent/transform/all.ts';
import { transformCiphers } from '../../../shared/model/transform.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('published vectors', () => {
  // The counter mode of each cipher encrypts one block of zeros: what comes out is the block cipher itself.
  it.each([
    ['RFC 5794, appendix A.1', 'aria-128', '000102030405060708090a0b0c0d0e0f', 'd718fbd6ab644c739da95f3be6451778'],
    [
      'RFC 5794, appendix A.3',
      'aria-256',
      '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
      'f92bd7c79fb72e2f2b8f80c1972d24fc',
    ],
  ] as const)('%s: a block of %s', (_source, name, key, block) => {
    const plain = hex('00112233445566778899aabbccddeeff');
    expect(ciphers[name].ctr(hex(key), plain, Buffer.alloc(16)).toString('hex')).toBe(block);
  });

  it.each([
    ['RFC 3713, appendix A', 'camellia-128', '', '67673138549669730857065648eabe43'],
    ['RFC 3713, appendix A', 'camellia-256', '00112233445566778899aabbccddeeff', '9acc237dff16d76c20ef7c919e3a7509'],
    ['GB/T 32907, appendix A.1', 'sm4', '', '681edf34d206965e86b3e94f536e4246'],
  ] as const)('%s: a block of %s', (_source, name, moreKey, block) => {
    const plain = hex('0123456789abcdeffedcba9876543210');
    const key = Buffer.concat([plain, hex(moreKey)]);
    expect(ciphers[name].ctr(key, plain, Buffer.alloc(16)).toString('hex')).toBe(block);
  });

  it('RFC 7801, section 5.5: a block of kuznyechik', () => {
    const key = hex('8899aabbccddeeff0011223344556677fedcba98765432100123456789abcdef');
    const plain = hex('1122334455667700ffeeddccbbaa9988');
    expect(ciphers.kuznyechik.ctr(key, plain, Buffer.alloc(16)).toString('hex')).toBe(
      '7f679d90bebc24305a468d42b9d4edcd',
    );
  });

  const nist =
    '6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51 30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710';
  it.each([
    [
      'SP 800-38A, F.5.1',
      'aes-128',
      '2b7e151628aed2a6abf7158809cf4f3c',
      'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff',
      nist,
      '874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff 5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee',
    ],
    [
      'SP 800-38A, F.5.5',
      'aes-256',
      '603deb1015ca71be2b73aef0857d7781 1f352c073b6108d72d9810a30914dff4',
      'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff',
      nist,
      '601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5 2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6',
    ],
    [
      'RFC 5528, section 4, vector 1',
      'camellia-128',
      'ae6852f8121067cc4bf7a5765577f39e',
      '00000030 00000000 00000000 00000001',
      '53696e676c6520626c6f636b206d7367',
      'd09dc29a8214619a20877c76db1f0b3f',
    ],
    [
      'GOST R 34.13-2015, A.1.2',
      'kuznyechik',
      '8899aabbccddeeff0011223344556677 fedcba98765432100123456789abcdef',
      '1234567890abcef0 0000000000000000',
      '1122334455667700ffeeddccbbaa9988 00112233445566778899aabbcceeff0a 112233445566778899aabbcceeff0a00 2233445566778899aabbcceeff0a0011',
      'f195d8bec10ed1dbd57b5fa240bda1b8 85eee733f6a13e5df33ce4b33c45dee4 a5eae88be6356ed3d5e877f13564a3a5 cb91fab1f20cbab6d1c6d15820bdba73',
    ],
  ] as const)('%s: counter mode of %s', (_source, name, key, counter, plain, encrypted) => {
    expect(ciphers[name].ctr(hex(key), hex(counter), hex(plain))).toEqual(hex(encrypted));
    expect(ciphers[name].ctr(hex(key), hex(counter), hex(encrypted))).toEqual(hex(plain));
  });
});

describe.each(transformCiphers)('%s', (name) => {
  const cipher = ciphers[name];
  const key = Buffer.alloc(cipher.keyBytes, 7);

  it('counts over the whole block, carries included', () => {
    const stream = cipher.ctr(key, Buffer.alloc(16, 0xff), Buffer.alloc(40));
    expect(stream.subarray(16, 32)).toEqual(cipher.ctr(key, Buffer.alloc(16), Buffer.alloc(16)));
    const next = hex('000000000000000000000000ffffffff');
    expect(cipher.ctr(key, next, Buffer.alloc(32)).subarray(16)).toEqual(
      cipher.ctr(key, hex('00000000000000000000000100000000'), Buffer.alloc(16)),
    );
  });

  it('goes on in the middle of a block', () => {
    const iv = Buffer.alloc(16, 3);
    const whole = cipher.ctr(key, iv, Buffer.alloc(64));
    expect(cipher.ctr(key, iv, Buffer.alloc(37))).toEqual(whole.subarray(0, 37));
  });
});
