import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { makeRoot } from '../roots.ts';

/**
 * Gives virsh a document by file, since its commands take no other way, and removes the file afterwards. It lies beside
 * the job folders, where only the agent can write.
 * @param root the agent's folder for sockets, made when it is not there
 */
export async function withXmlFile<T>(root: string, text: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = join(root, `${randomUUID()}.xml`);
  try {
    await makeRoot(root);
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new AppError('exportFailed', `${path} cannot be written: ${messageOf(error)}`, { cause: error });
  }
  try {
    return await use(path);
  } finally {
    await rm(path, { force: true });
  }
}
