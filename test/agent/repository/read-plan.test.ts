import { describe, expect, it } from 'vitest';
import { cellLengths, type PlanItem, planReads } from '../../../agent/repository/read-plan.ts';
import { BufferSource, type Extent } from '../../helpers/byte-sources.ts';

const { signal } = new AbortController();
const cell = 4096;

async function plan(size: number, extents: Extent[], cellBytes = cell): Promise<PlanItem[]> {
  const source = new BufferSource(Buffer.alloc(0), extents);
  Object.defineProperty(source, 'sizeBytes', { value: size });
  const items: PlanItem[] = [];
  for await (const item of planReads(source, cellBytes, signal)) items.push(item);
  return items;
}

const data = (offset: number, length: number): Extent => ({ offset, length, zero: false });
const zero = (offset: number, length: number): Extent => ({ offset, length, zero: true });

describe('the read plan', () => {
  it('is empty for an empty disk', async () => {
    expect(await plan(0, [])).toEqual([]);
  });

  it('reads whole cells around data and skips the others', async () => {
    const items = await plan(cell * 10 + 100, [zero(0, 5000), data(5000, 100), zero(5100, cell * 10 - 5000)]);
    expect(items).toEqual([
      { kind: 'zero', length: cell },
      { kind: 'read', offset: cell, length: cell },
      { kind: 'zero', length: cell * 8 + 100 },
    ]);
  });

  it('reads a cell once that two extents touch, and joins neighbours', async () => {
    const items = await plan(cell * 4, [data(0, 10), zero(10, 20), data(30, cell), zero(30 + cell, cell * 3 - 30)]);
    expect(items).toEqual([
      { kind: 'read', offset: 0, length: cell * 2 },
      { kind: 'zero', length: cell * 2 },
    ]);
  });

  it('cuts long data at aligned megabytes', async () => {
    const MiB = 1024 * 1024;
    expect(await plan(3 * MiB, [zero(0, MiB / 2), data(MiB / 2, 2.5 * MiB)])).toEqual([
      { kind: 'zero', length: MiB / 2 },
      { kind: 'read', offset: MiB / 2, length: MiB / 2 },
      { kind: 'read', offset: MiB, length: MiB },
      { kind: 'read', offset: 2 * MiB, length: MiB },
    ]);
    expect(await plan(8 * MiB, [data(0, 8 * MiB)], 4 * MiB)).toEqual([
      { kind: 'read', offset: 0, length: 4 * MiB },
      { kind: 'read', offset: 4 * MiB, length: 4 * MiB },
    ]);
  });

  it('covers every data byte exactly once for two hundred random disks', async () => {
    let state = 7;
    const next = (limit: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    for (let round = 0; round < 200; round++) {
      const extents: Extent[] = [];
      let size = 0;
      for (let i = next(12); i >= 0; i--) {
        const length = next(3) === 0 ? next(5) * cell : next(3 * cell);
        extents.push({ offset: size, length, zero: next(2) === 0 });
        size += length;
      }
      let at = 0;
      const read: [number, number][] = [];
      for (const item of await plan(size, extents)) {
        expect(item.length).toBeGreaterThan(0);
        if (item.kind === 'read') {
          expect(item.offset).toBe(at);
          expect(item.offset % cell).toBe(0);
          read.push([at, at + item.length]);
        }
        at += item.length;
      }
      expect(at).toBe(size);
      for (const extent of extents.filter((each) => !each.zero && each.length > 0)) {
        const covered = read.reduce(
          (sum, [start, end]) =>
            sum + Math.max(0, Math.min(end, extent.offset + extent.length) - Math.max(start, extent.offset)),
          0,
        );
        expect(covered).toBe(extent.length);
      }
    }
  });

  it.each([
    ['a gap', [data(0, 10), data(20, 80)]],
    ['an overlap', [data(0, 60), data(50, 50)]],
    ['an end too early', [data(0, 50)]],
    ['an end too late', [data(0, 150)]],
    ['a negative length', [data(0, -5), data(-5, 105)]],
  ])('refuses %s', async (_name, extents) => {
    await expect(plan(100, extents)).rejects.toMatchObject({ code: 'diskReadFailed' });
  });

  it('gives the lengths of the cells of a read', () => {
    expect([...cellLengths(cell * 2 + 1, cell)]).toEqual([cell, cell, 1]);
    expect([...cellLengths(cell, cell)]).toEqual([cell]);
  });
});
