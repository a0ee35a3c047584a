import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openBlob, sealBlob, verifySealed } from '../../../agent/repository/blob-codec.ts';
import { idOf } from '../../../agent/repository/blob-id.ts';
import { SealingKey, sealOverhead } from '../../../agent/repository/cipher.ts';
import type { Batch } from '../../../agent/repository/pipeline-messages.ts';
import { WorkerPool } from '../../../agent/repository/worker-pool.ts';
import { AppError } from '../../../shared/errors.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';
import { BufferSink, BufferSource, testBytes } from '../../helpers/byte-sources.ts';
import {
  backUp,
  diskPath,
  existingRepository,
  newRepository,
  storeDisk,
  underLock,
  vmTree,
} from '../../helpers/repositories.ts';

const MiB = 1024 * 1024;
const { signal } = new AbortController();

async function stored(): Promise<{ storage: MemoryStorage; snapshotId: string }> {
  const storage = new MemoryStorage();
  const repository = await newRepository(storage);
  const { finished } = await backUp(
    repository,
    (writer) => storeDisk(writer, new BufferSource(testBytes(4 * MiB, 1))),
    (disk) => vmTree({ vda: disk.content }),
  );
  return { storage, snapshotId: finished.snapshotId };
}

/** Size of the largest pack is the data pack's. */
function dataPack(storage: MemoryStorage): [string, Buffer] {
  const packs = [...storage.files.data].sort((a, b) => b[1].length - a[1].length);
  return packs[0] as [string, Buffer];
}

async function restore(storage: MemoryStorage, snapshotId: string, sink = new BufferSink(4 * MiB)) {
  const repository = await existingRepository(storage);
  return underLock(repository, async () => {
    const snapshot = await repository.openSnapshot(snapshotId);
    return snapshot.restoreFile(diskPath(), sink, { signal });
  });
}

describe('damage is found at the restore', () => {
  it('when one byte of a blob has changed, naming pack and blob', async () => {
    const { storage, snapshotId } = await stored();
    const [name, bytes] = dataPack(storage);
    bytes[1_000_000] = (bytes[1_000_000] as number) ^ 1;
    const damage = new RegExp(`pack ${name}.*blob [0-9a-f]{64}`, 'u');
    await expect(restore(storage, snapshotId)).rejects.toMatchObject({ code: 'repositoryDamaged', message: damage });
  });

  it('when a pack is missing or too short', async () => {
    const { storage, snapshotId } = await stored();
    const [name, bytes] = dataPack(storage);
    storage.files.data.set(name, bytes.subarray(0, 1_000_000));
    await expect(restore(storage, snapshotId)).rejects.toMatchObject({
      code: 'repositoryDamaged',
      message: new RegExp(name, 'u'),
    });
    storage.files.data.delete(name);
    await expect(restore(storage, snapshotId)).rejects.toMatchObject({
      code: 'repositoryDamaged',
      message: /is missing/u,
    });
  });

  it('when the index is gone, broken or misnamed', async () => {
    const { storage, snapshotId } = await stored();
    const [name, bytes] = [...storage.files.index][0] as [string, Buffer];
    storage.files.index.delete(name);
    await expect(restore(storage, snapshotId)).rejects.toMatchObject({
      code: 'repositoryDamaged',
      message: /not in the index/u,
    });
    storage.files.index.set('0'.repeat(64), bytes);
    await expect(restore(storage, snapshotId)).rejects.toMatchObject({
      code: 'repositoryDamaged',
      message: /its name/u,
    });
    expect(storage.files.lock.size).toBe(0);
  });

  it('and errors of the sink and a cancellation come through', async () => {
    const { storage, snapshotId } = await stored();
    const full = new AppError('storageFull', 'the target is full');
    const sink = { bytes: Buffer.alloc(0), bytesWritten: 0, write: () => Promise.reject(full) };
    await expect(restore(storage, snapshotId, sink)).rejects.toBe(full);
    const repository = await existingRepository(storage);
    await underLock(repository, async () => {
      const snapshot = await repository.openSnapshot(snapshotId);
      const run = snapshot.restoreFile(diskPath(), new BufferSink(4 * MiB), { signal: AbortSignal.abort() });
      await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    });
  });

  it('and a path that is not there is notFound', async () => {
    const { storage, snapshotId } = await stored();
    const repository = await existingRepository(storage);
    await underLock(repository, async () => {
      const snapshot = await repository.openSnapshot(snapshotId);
      await expect(snapshot.readFile('/vm/nothing')).rejects.toMatchObject({ code: 'notFound' });
      await expect(snapshot.readFile('/vm')).rejects.toMatchObject({ code: 'notFound' });
      await expect(snapshot.readFile(diskPath(), 1000)).rejects.toMatchObject({ code: 'repositoryDamaged' });
      expect(await snapshot.listFolder('/')).toEqual([{ name: 'vm', type: 'dir', sizeBytes: 0 }]);
    });
  });
});

describe('stored blobs', () => {
  const key = new SealingKey({ encrypt: Buffer.alloc(32, 1), k: Buffer.alloc(16, 2), r: Buffer.alloc(16, 3) });
  const plain = testBytes(10_000, 1);
  const id = idOf(plain);

  it('are opened only when MAC, frame, length and SHA-256 are right', () => {
    const sealed = sealBlob(key, plain);
    expect(openBlob(key, sealed.bytes, { ...sealed, id }).equals(plain)).toBe(true);
    const damaged = (problem: RegExp) =>
      expect.objectContaining({
        code: 'repositoryDamaged',
        message: expect.stringMatching(problem) as string,
      }) as Error;
    const flipped = Buffer.from(sealed.bytes);
    flipped[100] = (flipped[100] as number) ^ 4;
    expect(() => openBlob(key, flipped, { ...sealed, id })).toThrow(damaged(/authentication/u));
    expect(() => openBlob(key, sealed.bytes, { ...sealed, id, plainLength: 9999 })).toThrow(damaged(/decompressed/u));
    expect(() => openBlob(key, sealed.bytes, { ...sealed, id, plainLength: 10_001 })).toThrow(
      damaged(/10000 instead of 10001/u),
    );
    expect(() => openBlob(key, sealed.bytes, { ...sealed, id: Buffer.alloc(32) })).toThrow(damaged(/SHA-256/u));
    expect(() => openBlob(key, sealed.bytes, { ...sealed, id, compressed: false })).toThrow(damaged(/instead of/u));
    expect(() => openBlob(key, key.seal(plain), { id, plainLength: 10_000, compressed: true })).toThrow(
      damaged(/decompressed/u),
    );
  });

  it('that did not survive being written are not uploaded', () => {
    const sealed = sealBlob(key, plain);
    expect(() => verifySealed(key, sealed.bytes, { ...sealed, id })).not.toThrow();
    const other = sealBlob(key, testBytes(10_000, 2));
    const refused = expect.objectContaining({
      code: 'repositoryDamaged',
      hint: expect.stringContaining('memory') as string,
    }) as Error;
    expect(() => verifySealed(key, other.bytes, { ...other, id })).toThrow(refused);
  });
});

describe('pipeline threads', () => {
  const keys = { encrypt: Buffer.alloc(32, 1), k: Buffer.alloc(16, 2), r: Buffer.alloc(16, 3) };

  it('that die fail their work instead of hanging', async () => {
    const pool = new WorkerPool({ ...keys, k: Buffer.alloc(16) }, 1);
    const work = () => pool.hash(batchOf(Buffer.alloc(100), Uint32Array.of(100)));
    await expect(work()).rejects.toMatchObject({ code: 'internal' });
    await expect(work()).rejects.toMatchObject({ code: 'internal' });
    await pool.close();
  });

  it('that are closed under work fail it', async () => {
    const pool = new WorkerPool(keys, 1);
    const work = pool.hash(batchOf(testBytes(1000, 1), Uint32Array.of(1000)));
    const failed = expect(work).rejects.toMatchObject({ code: 'internal' });
    await pool.close();
    await failed;
  });

  it('seal the wanted cells in place, whether they can be compressed or not', async () => {
    const pool = new WorkerPool(keys, 1);
    const key = new SealingKey(keys);
    const cells = [
      randomBytes(60_000),
      Buffer.alloc(60_000),
      testBytes(60_000, 1),
      randomBytes(60_000),
      randomBytes(5),
    ];
    const lengths = Uint32Array.from(cells, (cell) => cell.length);
    const sent = batchOf(Buffer.concat(cells), lengths);
    const hashed = await pool.hash(sent);
    expect([...hashed.zero]).toEqual([0, 1, 0, 0, 0]);
    const order = {
      ids: hashed.ids,
      wanted: Uint8Array.of(1, 0, 1, 1, 1),
      verify: 'all' as const,
      compression: '1' as const,
    };
    const stored = await pool.store({ ...sent, bytes: hashed.bytes }, order);
    expect([...stored.compressed]).toEqual([0, 1, 0, 0]);
    let at = 0;
    [0, 2, 3, 4].forEach((cell, k) => {
      const sealed = Buffer.from(stored.bytes, at, stored.lengths[k]);
      const plain = cells[cell] as Buffer;
      const blob = { id: idOf(plain), plainLength: plain.length, compressed: stored.compressed[k] === 1 };
      expect(openBlob(key, sealed, blob).equals(plain)).toBe(true);
      at += sealed.length;
    });
    expect(stored.bytes.byteLength).toBe(sent.offset + 240_005);
    await pool.close();
  });
});

function batchOf(plain: Buffer, lengths: Uint32Array): Batch {
  const offset = lengths.length * sealOverhead;
  const bytes = new ArrayBuffer(offset + plain.length);
  Buffer.from(bytes).set(plain, offset);
  return { bytes, offset, lengths };
}
