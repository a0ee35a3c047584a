import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BufferPool } from '../../../agent/repository/buffer-pool.ts';
import { SealingKey } from '../../../agent/repository/cipher.ts';
import { PackBuilder } from '../../../agent/repository/pack-builder.ts';
import { testBytes } from '../../helpers/byte-sources.ts';

const key = new SealingKey({ encrypt: Buffer.alloc(32, 1), k: Buffer.alloc(16, 2), r: Buffer.alloc(16, 3) });

describe('PackBuilder', () => {
  it('copies blobs across the borders of its blocks and names the pack by its content', () => {
    const pool = new BufferPool(1000, 10);
    const builder = new PackBuilder('data', pool);
    const blobs = [300, 700, 1, 2500, 999].map((length, i) => testBytes(length, i));
    for (const [i, bytes] of blobs.entries()) {
      const parts = [bytes.subarray(0, 200), bytes.subarray(200)];
      const blob = { id: Buffer.alloc(32, i), parts, plainLength: bytes.length, compressed: false };
      expect(builder.add(blob)).toBe(bytes.length);
    }
    const expected = Buffer.concat(blobs);
    for (const bytes of blobs) bytes.fill(0);
    const { pack, parts, sizeBytes } = builder.finish(key);
    const file = Buffer.concat(parts);
    expect(file.length).toBe(sizeBytes);
    expect(file.subarray(0, expected.length).equals(expected)).toBe(true);
    expect(createHash('sha256').update(file).digest('hex')).toBe(pack.name);
    expect(pack.blobs.map(({ offset, length }) => [offset, length])).toEqual([
      [0, 300],
      [300, 700],
      [1000, 1],
      [1001, 2500],
      [3501, 999],
    ]);
  });
});

describe('BufferPool', () => {
  it('gives out again what came back, and keeps no more than it may', () => {
    const pool = new BufferPool(100_000, 1);
    const [one, two] = [pool.take(), pool.take()];
    pool.give(one);
    pool.give(two);
    expect([one.byteLength, two.byteLength]).toEqual([100_000, 0]);
    expect(pool.take()).toBe(one);
    pool.give(one);
    pool.clear();
    expect(one.byteLength).toBe(0);
  });
});
