import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BlobIndex } from '../../../agent/repository/blob-index.ts';
import { SealingKey } from '../../../agent/repository/cipher.ts';
import { PackWriter } from '../../../agent/repository/pack-writer.ts';
import type { FileType } from '../../../agent/repository/storage/storage.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';

const key = new SealingKey({ encrypt: Buffer.alloc(32, 1), k: Buffer.alloc(16, 2), r: Buffer.alloc(16, 3) });
const packBytes = 16 * 1024 * 1024;

/** Sends slowly and one at a time, and makes durable what was sent when it is told to. */
class SlowStorage extends MemoryStorage {
  readonly sending = 1;
  /** Writes that have the parts, and the most of them at once. */
  holding = 0;
  mostHolding = 0;
  sent = 0;
  readonly durable = Promise.withResolvers<void>();

  override async write(type: FileType, name: string, parts: readonly Uint8Array[], onSent?: () => void): Promise<void> {
    if (type !== 'data') return super.write(type, name, parts);
    this.mostHolding = Math.max(this.mostHolding, ++this.holding);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await super.write(type, name, parts);
    this.holding--;
    this.sent++;
    onSent?.();
    await this.durable.promise;
  }
}

describe('PackWriter', () => {
  it('holds one full pack in memory and has as many under way as the storage likes', async () => {
    const storage = new SlowStorage();
    const packs = new PackWriter(storage, key, new BlobIndex(storage, key), new AbortController().signal);
    const parts = [Buffer.alloc(packBytes, 7)];
    const add = () => packs.add('data', { id: randomBytes(32), parts, plainLength: packBytes, compressed: false });
    const all = Promise.all([add(), add(), add(), add()]);
    await expect.poll(() => storage.sent).toBe(storage.connections);
    storage.durable.resolve();
    await all;
    await packs.flush();
    expect(storage.mostHolding).toBe(1);
    expect(storage.files.data.size).toBe(4);
    expect(storage.files.index.size).toBe(1);
  });

  it('lets nobody wait for ever after a failed write', async () => {
    const storage = new SlowStorage();
    storage.durable.resolve();
    storage.beforeWrite = () => {
      throw new Error('no');
    };
    const packs = new PackWriter(storage, key, new BlobIndex(storage, key), new AbortController().signal);
    const parts = [Buffer.alloc(packBytes, 7)];
    const add = () => packs.add('data', { id: randomBytes(32), parts, plainLength: packBytes, compressed: false });
    const results = await Promise.allSettled([add(), add(), add(), add()]);
    expect(results.at(-1)?.status).toBe('rejected');
    await expect(packs.flush()).rejects.toThrow('no');
    await packs.abandon();
  });
});
