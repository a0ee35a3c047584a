import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { idOf, longestZeroBlob, zeroBlobId } from '../../../agent/repository/blob-id.ts';
import { ContentList } from '../../../agent/repository/content-list.ts';
import { cellBytesFor, DiskList, sparseSwitchBytes } from '../../../agent/repository/disk-cells.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const TiB = 1024 * GiB;

it.each([
  [0, 256 * KiB],
  [256 * GiB, 256 * KiB],
  [256 * GiB + 1, MiB],
  [2 * TiB, MiB],
  [2 * TiB + 1, 2 * MiB],
  [8 * TiB, 2 * MiB],
  [8 * TiB + 1, 4 * MiB],
])('a disk of %d bytes is cut by %d', (size, cell) => {
  expect(cellBytesFor(size)).toBe(cell);
});

/** A deterministic stream of numbers in [0, 1). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Runs of [zero?, length in bytes]; only the last one may end inside a cell. */
function build(runs: [boolean, number][], cellBytes: number) {
  const list = new ContentList();
  const stored = new Set<number>();
  const disk = new DiskList(list, cellBytes, (length) => stored.add(length));
  const dataId = idOf(Buffer.from('data'));
  for (const [zero, length] of runs) {
    if (zero) disk.addZeros(length);
    else for (let at = 0; at < length; at += cellBytes) disk.addData(dataId, Math.min(cellBytes, length - at));
  }
  disk.end();
  return { list, stored, dataId };
}

describe('the list of a disk', () => {
  it('covers zeros by 16 MiB blobs and begins the first run with the 512 KiB one', () => {
    const { list } = build(
      [
        [false, 256 * KiB],
        [true, 48 * MiB - 256 * KiB],
      ],
      256 * KiB,
    );
    const lengths = [...list.entries()].map((entry) => entry.length / KiB);
    expect(lengths.slice(0, 4)).toEqual([256, 512, 256, 256]);
    expect(lengths.slice(-2)).toEqual([16_384, 16_384]);
    expect(lengths.filter((length) => length === 512).length).toBe(1);
  });

  it.each([
    ['nothing', [], []],
    ['half a cell of zeros', [[true, 100]], [100]],
    ['exactly 512 KiB of zeros', [[true, 512 * KiB]], [512 * KiB]],
    ['zeros and a tail', [[true, 512 * KiB + 5]], [512 * KiB, 5]],
    [
      'a run too short for the switch',
      [
        [false, 256 * KiB],
        [true, 256 * KiB],
        [false, 9],
      ],
      [256 * KiB, 256 * KiB, 9],
    ],
    [
      'the switch in the second run',
      [
        [true, 256 * KiB],
        [false, 256 * KiB],
        [true, 768 * KiB],
      ],
      [256 * KiB, 256 * KiB, 512 * KiB, 256 * KiB],
    ],
  ] as [string, [boolean, number][], number[]][])('%s', (_name, runs, lengths) => {
    expect([...build(runs, 256 * KiB).list.entries()].map((entry) => entry.length)).toEqual(lengths);
  });

  it('fills the cell behind the switch when cells are larger than it', () => {
    const lengths = (cell: number) => [...build([[true, 2 * cell]], cell).list.entries()].map((entry) => entry.length);
    expect(lengths(MiB)).toEqual([512 * KiB, 512 * KiB, MiB]);
    expect(lengths(4 * MiB)).toEqual([512 * KiB, 3.5 * MiB, 4 * MiB]);
  });

  it('keeps every offset right for a hundred random disks', () => {
    const next = randomNumbers(42);
    for (let round = 0; round < 100; round++) {
      const cell = [256 * KiB, MiB, 2 * MiB, 4 * MiB][round % 4] as number;
      const runs = Array.from({ length: 1 + Math.floor(next() * 8) }, (): [boolean, number] => [
        next() < 0.6,
        cell * (1 + Math.floor(next() ** 3 * 150)),
      ]);
      if (next() < 0.5) (runs.at(-1) as [boolean, number])[1] -= Math.floor(next() * cell);
      const { list, stored, dataId } = build(runs, cell);
      const expected = runs.flatMap(([zero, length], i) => {
        const start = runs.slice(0, i).reduce((sum, run) => sum + run[1], 0);
        return [{ zero, start, end: start + length }];
      });
      let longestRun = 0;
      let run = 0;
      for (const [zero, length] of runs) {
        run = zero ? run + length : 0;
        longestRun = Math.max(longestRun, run);
      }
      let whole = 0;
      for (const entry of list.entries()) {
        const zero = !entry.id.equals(dataId);
        if (zero) {
          expect(entry.id.equals(zeroBlobId(entry.length))).toBe(true);
          expect(stored.has(entry.length)).toBe(true);
          expect(entry.length).toBeLessThanOrEqual(longestZeroBlob);
          if (entry.length === longestZeroBlob) {
            expect(entry.offset % longestZeroBlob).toBe(0);
            whole++;
          }
        }
        // Every byte of the entry lies in runs of its own kind.
        for (const part of expected) {
          const overlaps = entry.offset < part.end && entry.offset + entry.length > part.start;
          if (overlaps) expect(part.zero).toBe(zero);
        }
      }
      expect(list.sizeBytes).toBe(runs.reduce((sum, [, length]) => sum + length, 0));
      const has = (length: number) => [...list.entries()].some((entry) => entry.id.equals(zeroBlobId(length)));
      expect(has(sparseSwitchBytes)).toBe(longestRun >= sparseSwitchBytes);
      if (longestRun >= 3 * longestZeroBlob) expect(whole).toBeGreaterThan(0);
    }
  });

  it('gives the digest of DETAILS 4 over more than one segment of entries', () => {
    const list = new ContentList();
    const hash = createHash('sha256');
    for (let i = 0; i < 20_000; i++) {
      const id = idOf(Buffer.from(String(i)));
      list.add(id, i + 1);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(i + 1);
      hash.update(id).update(length);
    }
    expect(list.digest()).toBe(hash.digest('hex'));
    expect(list.length(8192)).toBe(8193);
    expect(list.id(19_999).equals(idOf(Buffer.from('19999')))).toBe(true);
    expect(() => list.id(20_000)).toThrow(RangeError);
    expect([...list.entries()].at(-1)).toMatchObject({ offset: (19_999 * 20_000) / 2, length: 20_000 });
  });
});
