import { openRepository } from '../../agent/repository/repository.ts';
import { LocalStorage } from '../../agent/repository/storage/local.ts';
import type { FileType } from '../../agent/repository/storage/storage.ts';

/*
 * A program of its own that the crash tests kill: it prunes the repository at argv[2] with the password from standard
 * input, and prints a line before each file it writes or removes.
 */
class TellingStorage extends LocalStorage {
  override async write(...args: Parameters<LocalStorage['write']>): Promise<void> {
    process.stdout.write('write\n');
    await super.write(...args);
  }

  override async removeAll(type: FileType, names: readonly string[]): Promise<void> {
    for (const name of names) {
      process.stdout.write('remove\n');
      await super.removeAll(type, [name]);
    }
  }
}

const [, , path = ''] = process.argv;
let password = '';
for await (const chunk of process.stdin) password += String(chunk);
const repository = await openRepository(new TellingStorage(path), password);
const lock = await repository.lock({ exclusive: true });
const { signal } = lock;
const maintenance = repository.maintenance(lock);
await maintenance.prune(await maintenance.planPrune({ maxUnusedPercent: 0, signal }), { signal });
await lock.release();
await repository.close();
