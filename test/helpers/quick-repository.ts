import { createRepository } from '../../agent/repository/repository.ts';
import { LocalStorage } from '../../agent/repository/storage/local.ts';
import { testKdf } from './repository-settings.ts';

/** An empty repository in a folder, with keys that are cheap to derive. */
export async function makeQuickRepository(path: string, password: string): Promise<void> {
  await (await createRepository(new LocalStorage(path), password, { kdf: testKdf })).close();
}
