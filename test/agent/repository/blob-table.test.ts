import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BlobTable } from '../../../agent/repository/blob-table.ts';

describe('BlobTable', () => {
  it('finds every id with its location among 40 000, and no other', () => {
    const table = new BlobTable();
    const ids = Array.from({ length: 40_000 }, () => randomBytes(32));
    const locationOf = (i: number) => ({
      pack: i % 97,
      offset: i * 3,
      length: 100 + i,
      plainLength: i % 2 === 0 ? 68 + i : 5000 + i,
      compressed: i % 2 === 1,
    });
    ids.forEach((id, i) => expect(table.add(id, locationOf(i))).toBe(i));
    expect(table.size).toBe(ids.length);
    for (const i of [0, 1, 16_383, 16_384, 39_999])
      expect(table.location(table.find(ids[i] as Buffer))).toEqual(locationOf(i));
    expect(ids.every((id, i) => table.find(id) === i)).toBe(true);
    expect(table.id(7).equals(ids[7] as Buffer)).toBe(true);
    expect(table.has(randomBytes(32))).toBe(false);
  });

  it('tells ids apart that share a hash, and keeps the first location of an id', () => {
    const table = new BlobTable();
    const at = (n: number) => Buffer.concat([Buffer.alloc(31, 5), Buffer.of(n)]);
    for (let n = 0; n < 200; n++)
      table.add(at(n), { pack: n, offset: 0, length: 40, plainLength: 8, compressed: false });
    for (let n = 0; n < 200; n++) expect(table.location(table.find(at(n))).pack).toBe(n);
    table.add(at(3), { pack: 999, offset: 0, length: 40, plainLength: 8, compressed: false });
    expect(table.location(table.find(at(3))).pack).toBe(3);
    expect(table.find(at(250))).toBe(-1);
  });

  it('holds the largest numbers', () => {
    const table = new BlobTable();
    const location = {
      pack: 4_000_000_000,
      offset: 4_294_967_295,
      length: 4_294_967_295,
      plainLength: 4_294_967_294,
      compressed: true,
    };
    expect(table.location(table.add(Buffer.alloc(32, 255), location))).toEqual(location);
  });
});
