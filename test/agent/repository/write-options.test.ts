import { describe, expect, it } from 'vitest';
import type { WriterOptions } from '../../../agent/repository/snapshot-writer.ts';
import { LocalStorage } from '../../../agent/repository/storage/local.ts';
import { BufferSource, sha256, testBytes } from '../../helpers/byte-sources.ts';
import { lacking } from '../../helpers/needs.ts';
import { diskPath, finishOptions, newRepository, storeDisk, underLock, vmTree } from '../../helpers/repositories.ts';
import { hasRestic, Restic } from '../../helpers/restic.ts';

const MiB = 1024 * 1024;
const { signal } = new AbortController();
const disk = Buffer.concat([testBytes(8 * MiB, 1), Buffer.alloc(20 * MiB)]);

/** Stores the disk that way; @returns growth of the repository */
async function stored(restic: Restic, options: Omit<WriterOptions, 'signal'>): Promise<number> {
  const repository = await newRepository(new LocalStorage(restic.path));
  return underLock(repository, async (lock) => {
    const writer = repository.startSnapshot(lock, { signal, ...options });
    const { content } = await storeDisk(writer, new BufferSource(disk));
    const { snapshotId, bytesStored } = await writer.finish(finishOptions(vmTree({ vda: content })));
    expect(await restic.dumpHash(snapshotId, diskPath())).toBe(sha256(disk));
    return bytesStored;
  });
}

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('how a pool wants its blobs', () => {
  it.each(['sample', 'all', 'off'] as const)('checked: %s', async (verify) => {
    const restic = await Restic.at();
    await stored(restic, { verify });
    await restic.checkClean();
  });

  it('compressed: one way, the other, or not at all, but zeros and trees always', async () => {
    const sizes: number[] = [];
    for (const compression of ['3', '1', 'off'] as const) {
      const restic = await Restic.at();
      sizes.push(await stored(restic, { compression }));
      await restic.checkClean();
    }
    const [level3 = 0, level1 = 0, off = 0] = sizes;
    expect(level3).not.toBe(level1);
    expect(Math.max(level3, level1)).toBeLessThan(7 * MiB);
    expect(off).toBeGreaterThan(8 * MiB);
    expect(off).toBeLessThan(8.1 * MiB);
  });
});
