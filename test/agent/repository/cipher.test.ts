import { createCipheriv, createDecipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SealingKey, sealOverhead } from '../../../agent/repository/cipher.ts';
import { testBytes } from '../../helpers/byte-sources.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const keys = { encrypt: Buffer.alloc(32, 7), k: Buffer.alloc(16, 8), r: Buffer.alloc(16, 9) };

describe('SealingKey', () => {
  // D. J. Bernstein, "The Poly1305-AES message-authentication code", appendix B.
  it.each([
    {
      k: 'ec074c835580741701425b623235add6',
      r: '851fc40c3467ac0be05cc20404f3f700',
      n: 'fb447350c4e868c52ac3275cf9d4327e',
      m: 'f3f6',
      tag: 'f4c633c3044fc145f84f335cb81953de',
    },
    {
      k: '75deaa25c09f208e1dc4ce6b5cad3fbf',
      r: 'a0f3080000f46400d0c7e9076c834403',
      n: '61ee09218d29b0aaed7e154a2c5509cc',
      m: '',
      tag: 'dd3fab2251f11ac759f0887129cc2ee7',
    },
  ])('computes the published Poly1305-AES tag over $m', ({ k, r, n, m, tag }) => {
    const key = new SealingKey({ encrypt: keys.encrypt, k: hex(k), r: hex(r) });
    const opened = key.open(Buffer.concat([hex(n), hex(m), hex(tag)]));
    expect(opened?.length).toBe(m.length / 2);
    expect(key.open(Buffer.concat([hex(n), hex(m), hex(tag.replace(/^./u, '0'))]))).toBeUndefined();
  });

  it('encrypts with AES-256-CTR and the IV as the whole counter', () => {
    const key = new SealingKey(keys);
    for (const length of [0, 1, 16, 65_535, 65_536, 200_001]) {
      const plain = testBytes(length, length);
      const sealed = key.seal(plain);
      expect(sealed.length).toBe(length + sealOverhead);
      const decipher = createDecipheriv('aes-256-ctr', keys.encrypt, sealed.subarray(0, 16));
      expect(decipher.update(sealed.subarray(16, -16)).equals(plain)).toBe(true);
      expect(key.open(sealed)?.equals(plain)).toBe(true);
    }
  });

  it('seals in pieces what it opens whole', () => {
    const key = new SealingKey(keys);
    const plain = testBytes(300_000, 3);
    const pieces = [
      plain.subarray(0, 10),
      plain.subarray(10, 10),
      plain.subarray(10, 123_457),
      plain.subarray(123_457),
    ];
    const sealed = key.sealPieces(pieces);
    expect(key.open(Buffer.concat(sealed))?.equals(plain)).toBe(true);
    expect(Buffer.concat([...(key.openPieces(sealed) ?? [])]).equals(plain)).toBe(true);
    (sealed[3] as Buffer)[5] = ((sealed[3] as Buffer)[5] as number) ^ 1;
    expect(key.openPieces(sealed)).toBeUndefined();
    expect(key.openPieces([])).toBeUndefined();
  });

  it('never uses an IV twice', () => {
    const key = new SealingKey(keys);
    const ivs = new Set(Array.from({ length: 2000 }, () => key.seal(Buffer.alloc(0)).toString('hex', 0, 16)));
    expect(ivs.size).toBe(2000);
  });

  it('refuses every flipped bit and every cut', () => {
    const key = new SealingKey(keys);
    const sealed = key.seal(Buffer.from('some content'));
    for (let i = 0; i < sealed.length; i++) {
      const damaged = Buffer.from(sealed);
      damaged[i] = (damaged[i] as number) ^ (1 << (i % 8));
      expect(key.open(damaged)).toBeUndefined();
      expect(key.open(sealed.subarray(0, i))).toBeUndefined();
    }
  });

  it('refuses keys of zeros and of wrong length', () => {
    const damaged = expect.objectContaining({ code: 'repositoryDamaged' }) as Error;
    for (const part of ['encrypt', 'k', 'r'] as const) {
      expect(() => new SealingKey({ ...keys, [part]: Buffer.alloc(keys[part].length) })).toThrow(damaged);
      expect(() => new SealingKey({ ...keys, [part]: Buffer.alloc(15, 1) })).toThrow(damaged);
    }
  });

  it('agrees with node:crypto about a fresh key stream', () => {
    const sealed = new SealingKey(keys).seal(Buffer.alloc(64));
    const stream = createCipheriv('aes-256-ctr', keys.encrypt, sealed.subarray(0, 16)).update(Buffer.alloc(64));
    expect(sealed.subarray(16, 80).equals(stream)).toBe(true);
  });
});
