import { spawn } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LocalStorage } from '../../../../agent/repository/storage/local.ts';
import { sha256 } from '../../../helpers/byte-sources.ts';
import { lacking } from '../../../helpers/needs.ts';
import { diskPath, existingRepository, newRepository } from '../../../helpers/repositories.ts';
import { resticPassword } from '../../../helpers/repository-settings.ts';
import { hasRestic, Restic } from '../../../helpers/restic.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';
import { changedDisk, MiB, prune, signal, sizeOfFiles, storePoint, maintain } from './repositories.ts';

const program = new URL('../../../helpers/killed-pruner.ts', import.meta.url).pathname;

/** @returns how many files it had begun to write or remove */
async function killAfter(path: string, steps: number): Promise<number> {
  const child = spawn(process.execPath, [program, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.stdin.end(resticPassword);
  let lines = 0;
  for await (const chunk of child.stdout) {
    lines += String(chunk).split('\n').length - 1;
    if (lines >= steps) child.kill('SIGKILL');
  }
  await ended;
  return lines;
}

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('a prune that is killed', () => {
  it('at ten places leaves a sound repository that the next prune cleans', async () => {
    const model = join(await temporaryFolder(), 'model');
    const repository = await newRepository(new LocalStorage(model));
    const gone: string[] = [];
    let kept = '';
    const disk = changedDisk(20 * MiB, 7, [1, 30, 77]);
    for (let i = 1; i <= 6; i++) gone.push(await storePoint(repository, changedDisk(20 * MiB, i, [i, 10 + i, 70])));
    kept = await storePoint(repository, disk);
    await maintain(repository, (maintenance) => maintenance.forget(gone, { signal }));
    for (let step = 1; step <= 10; step++) {
      const restic = await Restic.at(join(await temporaryFolder(), 'copy'));
      await cp(model, restic.path, { recursive: true });
      await killAfter(restic.path, step * 2);
      await restic.removeLocks();
      await restic.checkClean();
      const storage = new LocalStorage(restic.path);
      await storage.removeTemporaryFiles(0);
      const before = await sizeOfFiles(restic.path);
      const after = await existingRepository(storage);
      const done = await prune(after);
      expect(before - (await sizeOfFiles(restic.path))).toBe(done.freedBytes);
      const stats = await maintain(after, (maintenance) => maintenance.stats({ signal }));
      expect(stats.unusedBytes).toBe(0);
      await restic.checkClean();
      expect(await restic.dumpHash(kept, diskPath())).toBe(sha256(disk));
    }
  }, 180_000);
});
