import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRepository } from '../../../../agent/repository/repository.ts';
import { SealingKey } from '../../../../agent/repository/cipher.ts';
import { readMasterKey } from '../../../../agent/repository/key-file.ts';
import { encodeLock } from '../../../../agent/repository/lock-file.ts';
import type { RepositoryLock } from '../../../../agent/repository/lock.ts';
import type { Repository } from '../../../../agent/repository/repository.ts';
import { LocalStorage } from '../../../../agent/repository/storage/local.ts';
import { sealUnpacked } from '../../../../agent/repository/unpacked.ts';
import { MemoryStorage } from '../../../fakes/memory-storage.ts';
import { sha256 } from '../../../helpers/byte-sources.ts';
import { lacking } from '../../../helpers/needs.ts';
import { newRepository } from '../../../helpers/repositories.ts';
import { resticPassword, testKdf } from '../../../helpers/repository-settings.ts';
import { hasRestic, Restic } from '../../../helpers/restic.ts';

async function exclusively<T>(repository: Repository, work: (lock: RepositoryLock) => Promise<T>): Promise<T> {
  const lock = await repository.lock({ exclusive: true, withoutIndex: true });
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('keys of a repository', () => {
  it('are added, listed, removed and exported, as restic sees them too', async () => {
    const restic = await Restic.at();
    const storage = new LocalStorage(restic.path);
    const repository = await newRepository(storage);
    const [first] = await repository.keys.list();
    expect(first).toMatchObject({ current: true, problem: undefined });
    expect(Date.parse(first?.created ?? '')).toBeGreaterThan(0);
    const id = first?.id as string;
    await exclusively(repository, async (lock) => {
      await expect(repository.keys.remove(lock, id)).rejects.toMatchObject({ code: 'inUse' });
    });
    const added = await repository.keys.add('second password', testKdf);
    const second = await Restic.at(restic.path, 'second password');
    expect((await second.run(['key', 'list'])).stdout).toContain(added.slice(0, 8));
    expect((await repository.keys.list()).filter((key) => !key.current).map((key) => key.id)).toEqual([added]);
    const paper = await repository.keys.export();
    expect(paper).toMatchObject({ repositoryId: repository.id, keyId: id });
    await exclusively(repository, async (lock) => {
      await expect(repository.keys.remove(lock, id)).rejects.toMatchObject({ code: 'inUse' });
      const wrong = repository.keys.remove(lock, id, 'no password');
      await expect(wrong).rejects.toMatchObject({ code: 'wrongPassword' });
      await expect(repository.keys.remove(lock, id, resticPassword)).rejects.toMatchObject({ code: 'inUse' });
      await expect(repository.keys.remove(lock, '0'.repeat(64))).rejects.toMatchObject({ code: 'notFound' });
      await repository.keys.remove(lock, id, 'second password');
    });
    await expect(openRepository(storage, resticPassword)).rejects.toMatchObject({ code: 'wrongPassword' });
    await second.checkClean();
    // The paper brings the first password back.
    expect(sha256(Buffer.from(paper.text))).toBe(id);
    await mkdir(join(restic.path, 'keys'), { recursive: true });
    await writeFile(join(restic.path, 'keys', id), paper.text);
    await restic.checkClean();
  });

  it('and its locks are listed, and stale ones removed by the rules of restic', async () => {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    const key = new SealingKey(await readMasterKey(storage, resticPassword));
    const write = async (holder: Parameters<typeof encodeLock>[0]) => {
      const file = sealUnpacked(key, encodeLock(holder));
      await storage.write('lock', file.name, [file.bytes]);
      return file.name;
    };
    const now = Date.now();
    const holder = { exclusive: false, hostname: 'elsewhere', pid: 1 };
    const fresh = await write({ ...holder, time: now });
    const old = await write({ ...holder, time: now - 31 * 60_000 });
    const dead = await write({ ...holder, hostname: 'here', pid: 2 ** 30, time: now });
    const unreadable = 'a'.repeat(64);
    await storage.write('lock', unreadable, [Buffer.from('half a lock')]);
    expect((await repository.locks.list()).length).toBe(4);
    const removed = await repository.locks.removeStale({ hostname: 'here', now });
    expect(removed.map((lock) => lock.name).sort()).toEqual([old, dead].sort());
    expect([...storage.files.lock.keys()].sort()).toEqual([fresh, unreadable].sort());
  });
});
