import { describe, expect, it } from 'vitest';
import { idOf, isZeroBlob, zeroBlobId } from '../../../agent/repository/blob-id.ts';
import { compress, decompress } from '../../../agent/repository/compression.ts';
import { encodeIndex, type FinishedPack } from '../../../agent/repository/index-file.ts';
import { goJson, goTime } from '../../../agent/repository/json.ts';
import { encodePackHeader } from '../../../agent/repository/pack-header.ts';
import { isIrreducible, randomPolynomial } from '../../../agent/repository/polynomial.ts';
import { encodeSnapshot, parseSnapshot } from '../../../agent/repository/snapshot-file.ts';
import { SealingKey } from '../../../agent/repository/cipher.ts';
import { openUnpacked, sealUnpacked } from '../../../agent/repository/unpacked.ts';
import { testBytes } from '../../helpers/byte-sources.ts';

const damaged = expect.objectContaining({ code: 'repositoryDamaged' }) as Error;
const key = new SealingKey({ encrypt: Buffer.alloc(32, 1), k: Buffer.alloc(16, 2), r: Buffer.alloc(16, 3) });

describe('ids', () => {
  it('knows the SHA-256 of 512 KiB of zeros that restic looks for', () => {
    expect(zeroBlobId(512 * 1024).toString('hex')).toBe(
      '07854d2fef297a06ba81685e660c332de36d5d18d546927d30daad6d7fda1541',
    );
  });

  it('recognises zero blobs of the lengths that are used, and nothing else', () => {
    expect(isZeroBlob(zeroBlobId(65_536), 65_536, false)).toBe(true);
    expect(isZeroBlob(zeroBlobId(1000), 1000, true)).toBe(true);
    expect(isZeroBlob(zeroBlobId(1000), 1000, false)).toBe(false);
    expect(isZeroBlob(idOf(Buffer.alloc(65_536, 1)), 65_536, false)).toBe(false);
    expect(isZeroBlob(idOf(Buffer.alloc(0)), 0, true)).toBe(false);
    expect(isZeroBlob(Buffer.alloc(32), 4 * 1024 ** 3, true)).toBe(false);
  });
});

describe('Go forms', () => {
  it.each([
    [0, '1970-01-01T00:00:00Z'],
    [500, '1970-01-01T00:00:00.5Z'],
    [120, '1970-01-01T00:00:00.12Z'],
    [Date.UTC(2026, 1, 3, 4, 5, 6, 789), '2026-02-03T04:05:06.789Z'],
    [10_000, '1970-01-01T00:00:10Z'],
  ])('writes the time %d as %s', (time, text) => {
    expect(goTime(time)).toBe(text);
  });

  it('escapes what Go escapes', () => {
    expect(goJson({ a: '<&>\u2028"ü' }).toString()).toBe('{"a":"\\u003c\\u0026\\u003e\\u2028\\"ü"}');
  });
});

describe('chunker polynomials', () => {
  it('knows reducible from irreducible', () => {
    // The polynomial of restic's own tests, and small known ones.
    expect(isIrreducible(0x3da3358b4dc173n)).toBe(true);
    expect(isIrreducible(0b111n)).toBe(true);
    expect(isIrreducible(0b1011n)).toBe(true);
    expect(isIrreducible(0b101n)).toBe(false);
    expect(isIrreducible(0b1001n)).toBe(false);
    expect(isIrreducible(0x11bn)).toBe(true);
  });

  it('draws different ones of degree 53', () => {
    const drawn = [randomPolynomial(), randomPolynomial()];
    for (const text of drawn) expect(BigInt(`0x${text}`).toString(2).length).toBe(54);
    expect(drawn[0]).not.toBe(drawn[1]);
  });
});

describe('compression', () => {
  it('writes the content size and refuses longer content than allowed', () => {
    const plain = testBytes(100_000, 1);
    const compressed = compress(plain) as Buffer;
    // Frame header descriptor: a content size field is there.
    expect((compressed[4] as number) >> 5).toBeGreaterThan(0);
    expect(decompress(compressed, 100_000, 100_000).equals(plain)).toBe(true);
    expect(() => decompress(compressed, 99_999)).toThrow();
    expect(() => decompress(compressed.subarray(0, -5), 100_000)).toThrow();
  });

  it('leaves what does not shrink alone', () => {
    expect(compress(Buffer.alloc(0))).toBeUndefined();
    expect(compress(key.seal(testBytes(5000, 2)))).toBeUndefined();
  });
});

const pack: FinishedPack = {
  name: 'ab'.repeat(32),
  type: 'data',
  blobs: [
    { id: Buffer.alloc(32, 1), offset: 0, length: 100, plainLength: 68, compressed: false },
    { id: Buffer.alloc(32, 2), offset: 100, length: 50, plainLength: 4096, compressed: true },
  ],
};

describe('index files and pack headers', () => {
  it('writes uncompressed_length if and only if the blob is compressed', () => {
    const id = (n: string) => n.repeat(32);
    const text =
      `{"packs":[{"id":"${id('ab')}","blobs":[` +
      `{"id":"${id('01')}","type":"data","offset":0,"length":100},` +
      `{"id":"${id('02')}","type":"data","offset":100,"length":50,"uncompressed_length":4096}]}]}`;
    expect(encodeIndex([pack]).toString()).toBe(text);
  });

  it('writes header entries of 37 and 41 bytes', () => {
    const header = encodePackHeader('tree', pack.blobs);
    expect(header.toString('hex')).toBe(`0164000000${'01'.repeat(32)}033200000000100000${'02'.repeat(32)}`);
  });
});

describe('unpacked files', () => {
  it('open again, and in the old form too', () => {
    const json = Buffer.from('{"a":1}');
    expect(openUnpacked(key, sealUnpacked(key, json).bytes, 'x')).toEqual(json);
    expect(openUnpacked(key, key.seal(json), 'x')).toEqual(json);
    expect(() => openUnpacked(key, key.seal(Buffer.from([3, 1])), 'x')).toThrow(damaged);
    expect(() => openUnpacked(key, key.seal(Buffer.from([2, 1])), 'x')).toThrow(damaged);
    expect(() => openUnpacked(key, Buffer.alloc(50), 'x')).toThrow(damaged);
  });
});

describe('snapshot files', () => {
  const summary = {
    startedAt: 0,
    endedAt: 1500,
    files: 1,
    folders: 2,
    dataBlobs: 3,
    treeBlobs: 4,
    storedBytes: 5,
    totalBytes: 6,
  };

  it('are written in restic’s order and read back', () => {
    const tags = ['holdfast', 'vm=a<b'];
    const json = encodeSnapshot({
      time: 1500,
      treeId: Buffer.alloc(32, 1),
      paths: ['/vm/x'],
      hostname: 'h',
      tags,
      programVersion: 'holdfast 0.1.0',
      summary,
    });
    const keys = Object.keys(JSON.parse(json.toString()) as object);
    expect(keys).toEqual(['time', 'tree', 'paths', 'hostname', 'tags', 'program_version', 'summary']);
    expect(json.toString()).toContain('vm=a\\u003cb');
    expect(parseSnapshot('i', json)).toMatchObject({ time: 1500, paths: ['/vm/x'], tags, treeId: '01'.repeat(32) });
  });

  it('are tolerated from others: unknown fields, nanoseconds, no tags', () => {
    const text = `{"time":"2024-05-06T07:08:09.123456789+02:00","tree":"${'a'.repeat(64)}","paths":null,"new_field":{"x":[1]},"excludes":["a"]}`;
    const snapshot = parseSnapshot('i', Buffer.from(text));
    expect(snapshot).toMatchObject({ time: Date.parse('2024-05-06T05:08:09.123Z'), paths: [], tags: [], hostname: '' });
  });

  it.each(['{"time":"yesterday","tree":"a"}', `{"time":"never","tree":"${'a'.repeat(64)}"}`, '{"time":1}', 'null'])(
    'refuse %s',
    (text) => {
      expect(() => parseSnapshot('i', Buffer.from(text))).toThrow(damaged);
    },
  );
});
