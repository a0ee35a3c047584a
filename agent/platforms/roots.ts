import { chmod, chown, mkdir, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, messageOf } from '../../shared/errors.ts';
import { systemCode } from '../disks/file-errors.ts';
import type { JobScope } from './platform.ts';

/**
 * Folders of one agent outside its own: QEMU, which runs as another user, must get at them (DETAILS 11).
 * They end with the first 8 characters of the HWID.
 */
export interface Roots {
  /** Sockets: /run/holdfast/<hwid8> */
  run: string;
  /** Scratch files: /var/lib/holdfast-scratch/<hwid8> */
  scratch: string;
  /** Which guests are frozen by us right now, one file each; inside the agent's own folder. */
  frozen: string;
}

/**
 * Makes `<root>/<jobUuid>` (0700) and journals it first; missing parents become 0711.
 * @param owner numeric user and group that shall own the leaf, undefined = this process's
 * @throws AppError exportFailed naming the path
 */
export async function makeJobFolder(
  root: string,
  scope: JobScope,
  owner?: { uid: number; gid: number },
): Promise<string> {
  const path = join(root, scope.jobUuid);
  await scope.acquired({ kind: 'folder', name: path });
  try {
    await makeRoot(root);
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    // Not made, so not ours: one that is there already must stay.
    await scope.released({ kind: 'folder', name: path });
    throw folderError(path, error);
  }
  try {
    if (owner !== undefined) await chown(path, owner.uid, owner.gid);
    return path;
  } catch (error) {
    await removeJobFolder(path, scope);
    throw folderError(path, error);
  }
}

function folderError(path: string, error: unknown): AppError {
  return new AppError('exportFailed', `the folder ${path} cannot be made: ${messageOf(error)}`, {
    cause: error,
    hint: 'The agent normally runs as root; see the permissions of the folders above.',
  });
}

/** Makes a root with its missing parents, 0711. */
export async function makeRoot(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o711 });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    if (systemCode(error) !== 'ENOENT') throw error;
    await makeRoot(dirname(path));
    await mkdir(path, { mode: 0o711 });
  }
  // The umask may have taken the x that QEMU needs.
  await chmod(path, 0o711);
}

/** Removes an empty job folder and strikes it off. @throws when something is still in it */
export async function removeJobFolder(path: string, scope: JobScope): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  await scope.released({ kind: 'folder', name: path });
}

/** The job's socket folder, made when the first socket is needed. */
export class SocketFolder {
  readonly #make: () => Promise<string>;
  readonly #scope: JobScope;
  #path: Promise<string> | undefined;
  #count = 0;

  constructor(root: string, scope: JobScope, owner?: { uid: number; gid: number }) {
    this.#make = () => makeJobFolder(root, scope, owner);
    this.#scope = scope;
  }

  /** A path that no socket of this job has yet. Numbers, since names of disks may be long. */
  async next(): Promise<string> {
    this.#path ??= this.#make();
    const folder = await this.#path;
    return join(folder, `${this.#count++}.sock`);
  }

  /** Call after all its sockets are gone. */
  async remove(): Promise<void> {
    const made = this.#path;
    this.#path = undefined;
    // Where making it failed there is nothing to remove; whoever asked for a socket got the error.
    const path = await made?.catch(() => undefined);
    if (path !== undefined) await removeJobFolder(path, this.#scope);
  }
}
