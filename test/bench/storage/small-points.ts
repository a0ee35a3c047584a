import { randomBytes, randomUUID } from 'node:crypto';
import { createRepository } from '../../../agent/repository/repository.ts';
import { LocalStorage } from '../../../agent/repository/storage/local.ts';
import { backupTag, vmPath } from '../../../shared/format.ts';

const diskBytes = 64 * 1024;

/** A repository with so many points of one VM, each with 64 KiB of its own, as that many runs would leave them. */
export async function makeSmallPoints(path: string, password: string, points: number): Promise<void> {
  const repository = await createRepository(new LocalStorage(path), password);
  const [vm, start] = [randomUUID(), Date.now() - points * 3_600_000];
  const lock = await repository.lock();
  try {
    for (let point = 0; point < points; point++) {
      const writer = repository.startSnapshot(lock, { signal: lock.signal });
      const disk = await writer.writeFile(randomBytes(diskBytes));
      await writer.finish({
        tree: { vm: { [vm]: { disks: { vda: { 'disk.raw': disk } } } } },
        tags: ['holdfast', backupTag(randomUUID())],
        paths: [vmPath(vm)],
        hostname: 'bench',
        time: start + point * 3_600_000,
      });
    }
  } finally {
    await lock.release();
    await repository.close();
  }
}
