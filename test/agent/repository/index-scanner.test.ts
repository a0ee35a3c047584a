import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { BlobIndex } from '../../../agent/repository/blob-index.ts';
import { SealingKey } from '../../../agent/repository/cipher.ts';
import { encodeIndex, type FinishedPack } from '../../../agent/repository/index-file.ts';
import { scanIndex } from '../../../agent/repository/index-scanner.ts';
import { sealUnpacked } from '../../../agent/repository/unpacked.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';

const damaged = expect.objectContaining({ code: 'repositoryDamaged' }) as Error;
const key = new SealingKey({ encrypt: Buffer.alloc(32, 1), k: Buffer.alloc(16, 2), r: Buffer.alloc(16, 3) });

function scanned(text: string | Buffer) {
  const found: { pack: string; id: string; type: string; offset: number; length: number; plainLength: number }[] = [];
  scanIndex(Buffer.from(text), 'index', (pack) => (blob) => {
    found.push({ ...blob, id: blob.id.toString('hex'), pack });
  });
  return found;
}

const packOf = (type: 'data' | 'tree', count: number): FinishedPack => ({
  name: randomBytes(32).toString('hex'),
  type,
  blobs: Array.from({ length: count }, (_, i) => ({
    id: randomBytes(32),
    offset: i * 100,
    length: 32 + i,
    plainLength: i % 3 === 0 ? i : 5000 + i,
    compressed: i % 3 > 0,
  })),
});

const packs = [packOf('data', 100), packOf('tree', 3), packOf('data', 0)];
const expected = packs.flatMap(({ name, type, blobs }) =>
  blobs.map(({ id, offset, length, plainLength, compressed }) => ({
    pack: name,
    id: id.toString('hex'),
    type,
    offset,
    length,
    plainLength: compressed ? plainLength : 0,
  })),
);

it('reads what restic and we write', () => {
  expect(scanned(encodeIndex(packs))).toEqual(expected);
});

it('reads the same from JSON of any other form', () => {
  const index = JSON.parse(encodeIndex(packs).toString()) as { packs: { id: string; blobs: object[] }[] };
  expect(scanned(JSON.stringify({ supersedes: ['x'], ...index }, null, 2))).toEqual(expected);
  const turned = index.packs.map(({ id, blobs }) => ({
    blobs: blobs.map((blob) => ({ more: { deep: [1] }, ...Object.fromEntries(Object.entries(blob).reverse()) })),
    id,
  }));
  expect(scanned(JSON.stringify({ packs: turned }))).toEqual(expected);
});

it('holds the longest numbers', () => {
  const largest = 4294967295;
  const blob = { id: Buffer.alloc(32), offset: largest, length: largest, plainLength: largest, compressed: true };
  const many: FinishedPack = { name: 'ab'.repeat(32), type: 'tree', blobs: Array.from({ length: 1000 }, () => blob) };
  expect(scanned(encodeIndex([many, many])).at(-1)).toMatchObject({
    offset: largest,
    length: largest,
    plainLength: largest,
  });
});

const id = '0'.repeat(64);
const withBlob = (blob: string) => `{"packs":[{"id":"${id}","blobs":[${blob}]}]}`;

it.each([
  '{"packs":[{"id":"x","blobs":[]}]}',
  `{"packs":[{"id":"${id}"}]}`,
  '{"packs":[{"blobs":[]}]}',
  '{}',
  withBlob(`{"id":"${id}","type":"data","offset":-1,"length":40}`),
  withBlob(`{"id":"${id}","type":"data","offset":0,"length":31}`),
  withBlob(`{"id":"${id}","type":"data","offset":0,"length":4294967296}`),
  withBlob(`{"id":"${id}","type":"data","offset":00,"length":40}`),
  withBlob(`{"id":"${id}","type":"data","offset":0,"length":40.5}`),
  withBlob(`{"id":"${id}","type":"blob","offset":0,"length":40}`),
  withBlob(`{"id":"${id.toUpperCase().replace('0', 'G')}","type":"data","offset":0,"length":40}`),
  withBlob(`{"id":"${'A'.repeat(64)}","type":"data","offset":0,"length":40}`),
  withBlob(`{"id":"${id}","type":"data","offset":0,"length":40`),
  withBlob(`{"id":"${id}","type":"data","offset":0,"length":40}]}]}x`),
  '{"packs":{}}',
  '[1',
  '',
])('refuses %s', (text) => {
  expect(() => scanned(text)).toThrow(damaged);
});

it('an index of which one file is damaged keeps nothing of that file', async () => {
  const storage = new MemoryStorage();
  const good = sealUnpacked(key, encodeIndex([packs[0] as FinishedPack]));
  await storage.write('index', good.name, [good.bytes]);
  const index = new BlobIndex(storage, key);
  await index.load();
  const text = encodeIndex([packOf('data', 50_000), packOf('tree', 20)]);
  const bad = sealUnpacked(key, text.subarray(0, -10));
  await storage.write('index', bad.name, [bad.bytes]);
  await expect(index.load()).rejects.toThrow(damaged);
  expect(index.blobCount).toBe(100);
  await storage.remove('index', bad.name);
  await index.load();
  expect(index.blobCount).toBe(100);
  for (const blob of packs[0]?.blobs ?? []) {
    const found = index.find('data', blob.id);
    expect(found).toMatchObject({ offset: blob.offset, plainLength: blob.plainLength });
    expect(index.packName(found?.pack ?? -1)).toBe(packs[0]?.name);
  }
});
