import { describe, expect, it } from 'vitest';
import { idOf } from '../../../agent/repository/blob-id.ts';
import { ContentList } from '../../../agent/repository/content-list.ts';
import { DiskList } from '../../../agent/repository/disk-cells.ts';
import { planDisk, type PlanOptions } from '../../../agent/repository/disk-plan.ts';
import { zeroBlobId } from '../../../agent/repository/blob-id.ts';
import { BufferSource, type Extent } from '../../helpers/byte-sources.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const cell = 256 * KiB;
const { signal } = new AbortController();
const always = () => true;

async function* stream(extents: readonly Extent[]): AsyncIterable<Extent> {
  yield* extents;
}

interface Wanted extends Omit<Partial<PlanOptions>, 'changed'> {
  changed?: readonly Extent[];
  has?: (id: Uint8Array) => boolean;
}

async function planOf(size: number, allocated: readonly Extent[], { changed, has = always, ...options }: Wanted = {}) {
  const source = new BufferSource(Buffer.alloc(0), allocated);
  Object.defineProperty(source, 'sizeBytes', { value: size });
  const all = { cellBytes: cell, ...options, ...(changed === undefined ? {} : { changed: stream(changed) }) };
  return planDisk(source, all, { has, signal });
}

/** Steps as [kind, KiB], a step that is compared with a `?`. */
async function steps(...args: Parameters<typeof planOf>): Promise<[string, number][]> {
  const plan = await planOf(...args);
  return [...plan.steps].map(({ kind, length, compare }) => [compare ? `${kind}?` : kind, length / KiB]);
}

const data = (offset: number, length: number): Extent => ({ offset, length, zero: false });
const zero = (offset: number, length: number): Extent => ({ offset, length, zero: true });
/** Extents of the disk that are not zero at the given places, [offset, length] in KiB. */
function marks(size: number, ...places: [number, number][]): Extent[] {
  const extents: Extent[] = [];
  let at = 0;
  for (const [offset, length] of places) {
    if (offset * KiB > at) extents.push(zero(at, offset * KiB - at));
    extents.push(data(offset * KiB, length * KiB));
    at = (offset + length) * KiB;
  }
  if (at < size) extents.push(zero(at, size - at));
  return extents;
}
const everything = (size: number) => [data(0, size)];

/** A list of entries in KiB as our writer lays them out; zeros negative. */
function listOf(lengths: readonly number[], cellBytes = cell): ContentList {
  const content = new ContentList();
  const list = new DiskList(content, cellBytes, () => undefined);
  lengths.forEach((length, i) => {
    if (length < 0) list.addZeros(-length * KiB);
    else list.addData(idOf(Buffer.from(String(i))), length * KiB);
  });
  list.end();
  return content;
}

/** A list with exactly these entries, as another program may have written it. */
function rawList(lengths: readonly number[]): ContentList {
  const content = new ContentList();
  lengths.forEach((length, i) => {
    const bytes = Math.abs(length) * KiB;
    content.add(length < 0 ? zeroBlobId(bytes) : idOf(Buffer.from(String(i))), bytes);
  });
  return content;
}

describe('the plan of a disk without a parent', () => {
  it('is empty for an empty disk', async () => {
    expect(await steps(0, [])).toEqual([]);
  });

  it('reads whole cells around data and skips the others', async () => {
    const size = 10 * cell + 100 * KiB;
    const plan = await planOf(size, [
      zero(0, cell + 5000),
      data(cell + 5000, 100),
      zero(cell + 5100, size - cell - 5100),
    ]);
    expect([...plan.steps]).toEqual([
      { kind: 'zero', offset: 0, length: cell, compare: false },
      { kind: 'cells', offset: cell, length: cell, compare: false },
      { kind: 'zero', offset: 2 * cell, length: size - 2 * cell, compare: false },
    ]);
    expect(plan).toMatchObject({ sizeBytes: size, cellBytes: cell, plannedBytes: cell });
  });

  it('reads a cell once that two extents touch, and the short one at the end', async () => {
    const extents = [data(0, 10), zero(10, 20), data(30, cell), zero(30 + cell, cell), data(30 + 2 * cell, 70)];
    expect(await steps(2 * cell + 100, extents)).toEqual([['cells', (2 * cell + 100) / KiB]]);
  });

  it('is small for a huge sparse disk and for a million fragments', async () => {
    const TiB = 1024 * 1024 * MiB;
    const sparse = await planOf(
      64 * TiB,
      [zero(0, 40 * TiB), data(40 * TiB, MiB), zero(40 * TiB + MiB, 24 * TiB - MiB)],
      {
        cellBytes: 4 * MiB,
      },
    );
    expect(sparse.steps.count).toBe(3);
    const fragments = Array.from({ length: 1_000_000 }, (_, i) => ({
      offset: i * cell,
      length: cell,
      zero: i % 2 === 0,
    }));
    const plan = await planOf(1_000_000 * cell, fragments);
    expect(plan.steps.count).toBe(1_000_000);
    expect(plan.plannedBytes).toBe(500_000 * cell);
  });

  it.each([
    ['a gap', [data(0, 10), data(20, 80)]],
    ['an overlap', [data(0, 60), data(50, 50)]],
    ['an end too early', [data(0, 50)]],
    ['an end too late', [data(0, 150)]],
    ['a negative length', [data(0, -5), data(-5, 105)]],
  ])('refuses %s', async (_name, extents) => {
    await expect(planOf(100, extents)).rejects.toMatchObject({ code: 'diskReadFailed' });
    const parent = rawList([100 / KiB]);
    await expect(planOf(100, everything(100), { parent, changed: extents })).rejects.toMatchObject({
      code: 'diskReadFailed',
    });
  });

  it('refuses what makes no sense', async () => {
    const refused = { code: 'invalidValue' };
    await expect(planOf(100, everything(100), { cellBytes: 0 })).rejects.toMatchObject(refused);
    await expect(planOf(100, everything(100), { cellBytes: 17 * MiB })).rejects.toMatchObject(refused);
    await expect(planOf(100, everything(100), { parent: rawList([64]) })).rejects.toMatchObject(refused);
    await expect(planOf(100, everything(100), { changed: everything(100) })).rejects.toMatchObject(refused);
    await expect(planOf(64 * KiB, everything(64 * KiB), { parent: rawList([64]), audit: true })).rejects.toMatchObject(
      refused,
    );
  });
});

describe('the plan of an increment', () => {
  const size = 4 * cell;
  const whole = listOf([256, 256, 256, 256]);

  it('takes clean cells over and reads nothing when nothing has changed', async () => {
    expect(await steps(size, everything(size), { parent: whole, changed: marks(size) })).toEqual([['keep', 1024]]);
  });

  it('reads a partly dirty cell whole and divides it; a wholly dirty one stays whole', async () => {
    const changed = marks(size, [100, 1], [512, 256]);
    expect(await steps(size, everything(size), { parent: whole, changed })).toEqual([
      ['pieces', 256],
      ['keep', 256],
      ['cells', 256],
      ['keep', 256],
    ]);
  });

  it('of a divided cell reads only dirty pieces, and joins it when all are dirty', async () => {
    const parent = listOf([64, 64, 64, 64, 256, 64, -64, 64, 64, 256]);
    const changed = marks(size, [64, 64], [512, 256]);
    expect(await steps(size, everything(size), { parent, changed })).toEqual([
      ['keep', 64],
      ['pieces', 64],
      ['keep', 384],
      ['cells', 256],
      ['keep', 256],
    ]);
  });

  it('of a zero cell reads only dirty pieces, also inside a 16 MiB zero blob', async () => {
    const long = 32 * MiB;
    const parent = listOf([-long / KiB]);
    expect(parent.count).toBeLessThan(70);
    const changed = marks(long, [20 * 1024 + 128, 10], [30 * 1024, 256]);
    expect(await steps(long, marks(long, [20 * 1024, 512], [30 * 1024, 256]), { parent, changed })).toEqual([
      ['keep', 20 * 1024 + 128],
      ['pieces', 64],
      ['keep', 10 * 1024 - 192],
      ['cells', 256],
      ['keep', 2 * 1024 - 256],
    ]);
  });

  it('reads nothing that the source says is zero', async () => {
    const parent = listOf([256, 64, 64, 64, 64, 256, 256]);
    const changed = marks(size, [0, 320], [512, 64], [768, 256]);
    expect(await steps(size, marks(size, [320, 320]), { parent, changed })).toEqual([
      ['zero', 320],
      ['keep', 192],
      ['pieces', 128],
      ['zero', 384],
    ]);
  });

  it('reads what the index has lost, in the division of the parent', async () => {
    const parent = listOf([256, 64, 64, 64, 64, 256, -256]);
    const lost = new Set([0, 2].map((i) => idOf(Buffer.from(String(i))).toString('hex')));
    const has = (id: Uint8Array) => !lost.has(Buffer.from(id).toString('hex'));
    const plan = await planOf(size, everything(size), { parent, changed: marks(size), has });
    expect([...plan.steps].map(({ kind, length }) => [kind, length / KiB])).toEqual([
      ['cells', 256],
      ['keep', 64],
      ['pieces', 64],
      ['keep', 640],
    ]);
    expect(plan.plannedBytes).toBe(320 * KiB);
  });

  it.each([
    ['entries across the grid', [300, 212, 256, 256], ['cells', 512], ['keep', 512]],
    ['larger entries', [256, 512, 256], ['keep', 256], ['cells', 512], ['keep', 256]],
    ['odd pieces', [256, 32, 32, 64, 128, 512 - 64, 64], ['keep', 256], ['cells', 768]],
    ['zeros off the grid', [256, -64, 192, 256, 256], ['keep', 256], ['cells', 256], ['keep', 512]],
    ['zeros that cover cells in any way', [-64, -192, -512, 256], ['keep', 1024]],
  ] as [string, number[], ...[string, number][]][])(
    'reads what is divided otherwise: %s',
    async (_name, lengths, ...wanted) => {
      expect(await steps(size, everything(size), { parent: rawList(lengths), changed: marks(size) })).toEqual(wanted);
    },
  );

  it('understands the sparse switch in larger cells and a short last piece', async () => {
    const long = 3 * MiB + 100 * KiB;
    const parent = listOf([-2048, 1024, 64, 36], MiB);
    expect(shapeOf(parent)).toEqual([512, 512, 1024, 1024, 64, 36]);
    const changed = marks(long, [600, 1], [3 * 1024 + 64, 36]);
    expect(await steps(long, everything(long), { parent, changed, cellBytes: MiB })).toEqual([
      ['keep', 576],
      ['pieces', 64],
      ['keep', 3 * 1024 + 64 - 640],
      ['pieces', 36],
    ]);
  });

  it('makes no new divisions beyond the budget, and goes on with those that are there', async () => {
    const cells = 262_144;
    const parent = new ContentList();
    const id = idOf(Buffer.from('piece'));
    for (let i = 0; i < cells * 4 - 4; i++) parent.add(id, 64 * KiB);
    parent.add(id, cell);
    parent.add(id, cell);
    const long = parent.sizeBytes;
    const last = (long - 2 * cell) / KiB;
    // Two whole cells at the end, one of which fits once a divided one is joined.
    const both: [number, number][] = [
      [last, 64],
      [last + 256, 64],
    ];
    expect((await steps(long, everything(long), { parent, changed: marks(long, ...both) })).slice(1)).toEqual([
      ['cells', 512],
    ]);
    const joined = await steps(long, everything(long), { parent, changed: marks(long, [0, 256], [256, 64], ...both) });
    expect(joined).toEqual([
      ['cells', 256],
      ['pieces', 64],
      ['keep', last - 320],
      ['pieces', 256],
      ['cells', 256],
    ]);
  });
});

describe('a plan to read everything', () => {
  const size = 4 * cell;
  const parent = listOf([256, 64, 64, 64, 64, -256, 256]);

  it('keeps the division of the parent', async () => {
    expect(await steps(size, everything(size), { parent })).toEqual([
      ['cells', 256],
      ['pieces', 256],
      ['cells', 512],
    ]);
    expect(await steps(size, marks(size, [256, 64], [768, 1]), { parent })).toEqual([
      ['zero', 256],
      ['pieces', 64],
      ['zero', 448],
      ['cells', 256],
    ]);
  });

  it('for an audit compares what changes called clean, holes too', async () => {
    const changed = marks(size, [64, 64], [320, 64]);
    const allocated = marks(size, [0, 512]);
    expect(await steps(size, allocated, { parent, changed, audit: true })).toEqual([
      ['pieces', 256],
      ['pieces?', 64],
      ['pieces', 64],
      ['pieces?', 128],
      ['zero?', 512],
    ]);
  });
});

function shapeOf(list: ContentList): number[] {
  return [...list.entries()].map(({ length }) => length / KiB);
}
