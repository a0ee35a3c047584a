import { describe, expect, it } from 'vitest';
import { zstdCompressSync } from 'node:zlib';
import { openBlob } from '../../agent/repository/blob-codec.ts';
import { idOf } from '../../agent/repository/blob-id.ts';
import { SealingKey, sealOverhead } from '../../agent/repository/cipher.ts';
import { openConfig } from '../../agent/repository/config-file.ts';
import { encodeIndex, type PackedBlob } from '../../agent/repository/index-file.ts';
import { scanIndex } from '../../agent/repository/index-scanner.ts';
import { openKeyFile, randomMasterKey, writeKeyFile } from '../../agent/repository/key-file.ts';
import { encodeLock, isStale, listLocks } from '../../agent/repository/lock-file.ts';
import { openPackHeader } from '../../agent/repository/maintenance/pack-tail.ts';
import { encodePackHeader } from '../../agent/repository/pack-header.ts';
import { encodeSnapshot, parseSnapshot } from '../../agent/repository/snapshot-file.ts';
import type { FileType } from '../../agent/repository/storage/storage.ts';
import { parseTree, readContent } from '../../agent/repository/tree-reader.ts';
import { openUnpacked, readUnpacked, sealUnpacked } from '../../agent/repository/unpacked.ts';
import { AppError } from '../../shared/errors.ts';
import { MemoryStorage } from '../fakes/memory-storage.ts';
import { fuzz } from './fuzz.ts';
import { mutateBytes, mutateText, pick, type Random } from './mutate.ts';

const master = randomMasterKey();
const key = new SealingKey(master);
const idText = 'ab'.repeat(32);
const id = Buffer.from(idText, 'hex');
const u32 = 0xffff_ffff;
/** Pieces of JSON, and what our files are made of. */
const tokens = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  'null',
  'true',
  '-1',
  '1e999',
  '4294967296',
  '\\ud800',
  `"${idText}"`,
  '"blobs":[',
  '"packs":[',
  '"nodes":[',
  '"content":',
  '"id":',
  '"size":18446744073709551615,',
  '"subtree":',
  '"__proto__":',
  ' ',
];

const blobs: PackedBlob[] = [
  { id, offset: 0, length: 100, plainLength: 68, compressed: false },
  { id, offset: 100, length: 50, plainLength: 4096, compressed: true },
];

const isU32 = (value: number) => expect(Number.isInteger(value) && value >= 0 && value <= u32).toBe(true);

/** A pack: so many bytes of body, the header sealed, its length. */
function packOf(header: Buffer, bodyBytes: number, lengthChange = 0): Buffer {
  const sealed = key.seal(header);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE((sealed.length + lengthChange) >>> 0);
  return Buffer.concat([Buffer.alloc(bodyBytes), sealed, tail]);
}

/** A repository with these files. */
function holding(type: FileType, ...files: ReadonlyArray<{ name: string; bytes: Buffer }>): MemoryStorage {
  const storage = new MemoryStorage();
  for (const { name, bytes } of files) storage.files[type].set(name, bytes);
  return storage;
}

describe('a hostile repository, by somebody who has the key', () => {
  it('in the header of a pack', async () => {
    const headers = [encodePackHeader('data', blobs), encodePackHeader('tree', blobs.slice(1))];
    const make = (random: Random) => {
      const header = random(3) === 0 ? pick(headers, random) : mutateBytes(headers, random);
      return packOf(header, pick([150, 150, 50, 0, 100], random), pick([0, 0, 0, 0, 1, -1, u32], random));
    };
    await fuzz({
      make,
      parse: (pack) => {
        let end = 0;
        for (const { offset, length, plainLength } of openPackHeader(key, pack)) {
          expect(offset).toBe(end);
          isU32(length);
          expect(Number.isSafeInteger(plainLength)).toBe(true);
          end += length;
        }
        expect(end).toBeLessThanOrEqual(pack.length);
      },
    });
  });

  // Known: a name with a control character or unknown escape ends in a SyntaxError of JSON.parse, see JsonScanner.object.
  it('in an index', async () => {
    const index = encodeIndex([
      { name: idText, type: 'data', blobs },
      { name: 'cd'.repeat(32), type: 'tree', blobs: blobs.slice(1) },
    ]).toString();
    const corpus = [index, `{"supersedes":["${idText}"],"packs":[{"blobs":[],"id":"${idText}"}]}`];
    await fuzz({
      make: (random) => Buffer.from(mutateText(corpus, tokens, random)),
      parse: (json) =>
        scanIndex(json, 'index', (name) => {
          expect(name).toMatch(/^[0-9a-f]{64}$/u);
          return (blob) => {
            expect(blob.id.length).toBe(32);
            for (const value of [blob.offset, blob.length, blob.plainLength]) isU32(value);
            expect(blob.length).toBeGreaterThanOrEqual(sealOverhead);
          };
        }),
    });
  });

  // Known: the same.
  it('in a tree and its content lists', async () => {
    const node = (fields: object) => ({
      name: 'disk.raw',
      type: 'file',
      mode: 384,
      mtime: '1970-01-01T00:00:00Z',
      ...fields,
    });
    const corpus = [
      { nodes: [node({ size: 1024, content: [idText, idText] }), node({ name: 'b', content: null })] },
      { nodes: [node({ type: 'dir', subtree: idText })] },
      { nodes: [] },
    ].map((tree) => `${JSON.stringify(tree)}\n`);
    await fuzz({
      make: (random) => Buffer.from(mutateText(corpus, tokens, random)),
      parse: (json) => {
        for (const { name, sizeBytes, subtree, content } of parseTree(json, 'tree')) {
          expect(name.length).toBeGreaterThan(0);
          expect(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0).toBe(true);
          if (subtree !== undefined) expect(subtree).toMatch(/^[0-9a-f]{64}$/u);
          if (content === undefined) continue;
          const list = readContent(content, 'content', (found) => {
            if (found[0] === 0xab) return 512;
            throw new AppError('repositoryDamaged', 'unknown blob');
          });
          expect(list.sizeBytes).toBe(list.count * 512);
        }
      },
    });
  });

  it('in a snapshot', async () => {
    const summary = {
      startedAt: 0,
      endedAt: 1,
      files: 1,
      folders: 1,
      dataBlobs: 1,
      treeBlobs: 1,
      storedBytes: 1,
      totalBytes: 1,
    };
    const snapshot = encodeSnapshot({
      time: Date.UTC(2026, 10, 21),
      treeId: id,
      paths: ['/vm/x'],
      hostname: 'host',
      tags: ['holdfast', 'vm=web'],
      programVersion: 'test',
      summary,
    }).toString();
    const foreign = `{"time":"2026-11-21T10:00:00.123456789+03:00","parent":"${idText}","tree":"${idText}","tags":null,"uid":0}`;
    await fuzz({
      make: (random) => Buffer.from(mutateText([snapshot, foreign], tokens, random)),
      parse: (json) => {
        const { time, treeId, tags, paths } = parseSnapshot(idText, json);
        expect(Number.isNaN(time)).toBe(false);
        expect(treeId).toMatch(/^[0-9a-f]{64}$/u);
        for (const text of [...tags, ...paths]) expect(typeof text).toBe('string');
      },
    });
  });

  it('in a lock: it is shown with its problem, and never holds up the others', async () => {
    const good = encodeLock({ time: Date.UTC(2026, 10, 21), exclusive: true, hostname: 'host', pid: 12 }).toString();
    await fuzz({
      make: (random) => mutateText([good], tokens, random),
      parse: async (json) => {
        const locks = [json, good].map((text) => sealUnpacked(key, Buffer.from(text)));
        const found = await listLocks(holding('lock', ...locks), key);
        expect(found.map(({ name }) => name)).toEqual(locks.map(({ name }) => name));
        expect(found[1]?.holder?.pid).toBe(12);
        const [first] = found;
        if (first?.holder !== undefined) expect(typeof isStale(first.holder, Date.now(), 'other')).toBe('boolean');
        expect(first?.holder === undefined).toBe(first?.problem !== undefined);
      },
      leastShare: -1,
    });
  });

  it('in config and other sealed files', async () => {
    const config = `{"version":2,"id":"${idText}","chunker_polynomial":"25b468838dcb75"}`;
    await fuzz({
      make: (random) => mutateText([config], tokens, random),
      parse: (json) => {
        expect(openConfig(key, key.seal(Buffer.from(json)))).toMatch(/^[0-9a-f]{64}$/u);
      },
    });
    const plain = [Buffer.from(config), Buffer.concat([Buffer.of(2), zstdCompressSync(Buffer.alloc(100_000, config))])];
    await fuzz({
      make: (random) => mutateBytes(plain, random),
      parse: (bytes) => {
        expect(openUnpacked(key, key.seal(bytes), 'file').length).toBeLessThanOrEqual(256 * 1024 * 1024);
      },
    });
  });

  it('in a blob: only what its id names comes out', async () => {
    const plain = Buffer.alloc(4096, 'content');
    const payloads = [plain, zstdCompressSync(plain)];
    await fuzz({
      make: (random) => ({
        payload: random(3) === 0 ? pick(payloads, random) : mutateBytes(payloads, random),
        plainLength: pick([4096, 4096, 4096, 0, 1, 4097, 1 << 20], random),
        compressed: random(3) > 0,
      }),
      parse: ({ payload, ...stored }) => {
        const blob = { ...stored, id: idOf(plain) };
        expect(openBlob(key, key.seal(payload), blob).equals(plain)).toBe(true);
      },
    });
  });
});

describe('a repository by somebody with the key', () => {
  it('a blob in the header of a pack that is shorter than its sealing has a negative length', () => {
    const short = { ...blobs[0], length: 5 } as PackedBlob;
    expect(() => openPackHeader(key, packOf(encodePackHeader('data', [short]), 5))).toThrow(AppError);
  });

  it('a lock whose time is none is no lock that can be read', async () => {
    const lock = sealUnpacked(key, Buffer.from('{"time":"now","exclusive":true,"hostname":"h","pid":1}'));
    expect(await listLocks(holding('lock', lock), key)).toMatchObject([{ holder: undefined }]);
  });
});

describe('a hostile repository, by somebody without the key', () => {
  it('in sealed bytes: nothing changed is ever opened', async () => {
    const file = sealUnpacked(key, Buffer.from('{"a":1}'));
    const pack = packOf(encodePackHeader('data', blobs), 150);
    await fuzz({
      make: (random) => mutateBytes([file.bytes, pack], random),
      parse: async (bytes) => {
        const held = holding('index', { name: file.name, bytes });
        if (bytes.equals(file.bytes)) return;
        await expect(readUnpacked(held, key, 'index', file.name)).rejects.toMatchObject({ code: 'repositoryDamaged' });
        const sealed = Buffer.concat([bytes, Buffer.alloc(sealOverhead)]);
        expect(key.open(sealed)).toBeUndefined();
        if (!bytes.subarray(-400).equals(pack.subarray(-400))) {
          try {
            for (const { length } of openPackHeader(key, bytes)) isU32(length);
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
          }
        }
      },
      leastShare: -1,
    });
  });

  it('in a key file', async () => {
    const storage = new MemoryStorage();
    const name = await writeKeyFile(storage, 'password', master, { N: 2, r: 1, p: 1 });
    const text = storage.files.key.get(name)?.toString() ?? '';
    await fuzz({
      make: (random) => Buffer.from(mutateText([text], [...tokens, '"N":', '"r":64,', '"p":', 'A', '='], random)),
      parse: async (file) => {
        const opened = await openKeyFile(holding('key', { name, bytes: file }), 'password');
        // It authenticates itself, so what opens is the one that was written.
        expect(Buffer.from(opened.master.encrypt).equals(Buffer.from(master.encrypt))).toBe(true);
      },
      leastShare: 0.005,
    });
  });
});
