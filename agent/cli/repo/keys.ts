import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { keySheetHtml } from '../../../shared/paper/key-sheet.ts';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { confirmOrThrow, note, printObject, printRows } from '../../../shared/node/print.ts';
import type { Repository } from '../../repository/repository.ts';
import { passwordOf } from './ask-password.ts';
import { type OpenFlags, withRepository } from './open.ts';

export interface AddKeyFlags extends OpenFlags {
  newPasswordFile?: string;
}

export interface RemoveKeyFlags extends OpenFlags {
  otherPasswordFile?: string;
  yes?: boolean;
}

/** `repo keys list`: the passwords that open the repository. */
export async function listKeys(flags: OpenFlags): Promise<void> {
  await withRepository(flags, async ({ repository }) => {
    const keys = await repository.keys.list();
    const rows = keys.map(({ problem, ...key }) => ({ ...key, problem: problem ?? null }));
    printRows(rows, [
      ['ID', (row) => row.id.slice(0, 12)],
      ['USER', (row) => row.username],
      ['HOST', (row) => row.hostname],
      ['CREATED', (row) => row.created],
      ['IN USE', (row) => row.current],
      ['PROBLEM', (row) => row.problem],
    ]);
  });
}

/** `repo keys add`: lets one more password open it. */
export async function addKey(flags: AddKeyFlags): Promise<void> {
  await withRepository(flags, async ({ repository, locked }) => {
    const password = await newPassword(flags.newPasswordFile);
    const id = await locked(() => repository.keys.add(password), { withoutIndex: true });
    printObject({ id });
  });
}

/** Typed twice, since a typing mistake would only be found when it is needed. */
async function newPassword(file: string | undefined): Promise<string> {
  const password = await passwordOf(file, '--new-password-file', 'New password');
  if (file === undefined && (await passwordOf(undefined, '--new-password-file', 'Once more')) !== password)
    throw new AppError('invalidValue', 'the two passwords differ; nothing was changed', {
      field: '--new-password-file',
    });
  return password;
}

/** `repo keys remove`: takes a password away; never the last one. */
export async function removeKey(ref: string, flags: RemoveKeyFlags): Promise<void> {
  await withRepository(flags, async ({ repository, location, locked }) => {
    const id = await keyOf(repository, ref);
    await confirmOrThrow(
      `Remove key ${id.slice(0, 12)}? Its password then no longer opens ${location}.`,
      flags.yes === true,
    );
    const { otherPasswordFile } = flags;
    const other =
      otherPasswordFile === undefined ? undefined : await passwordOf(otherPasswordFile, '--other-password-file', '');
    await locked((lock) => repository.keys.remove(lock, id, other).catch(help), {
      exclusive: true,
      withoutIndex: true,
    });
    printObject({ id });
  });
}

function help(error: unknown): never {
  if (!(error instanceof AppError) || error.code !== 'inUse') throw error;
  const hint =
    'Give a password whose key stays: --other-password-file FILE. Add one first if there is none: repo keys add.';
  throw new AppError(error.code, error.message, { hint });
}

/** `repo keys export`: the text of a key file, which brings the repository back when its folder keys is lost. */
export async function exportKey(ref: string | undefined, flags: OpenFlags & { out: string }): Promise<void> {
  await withRepository(flags, async ({ repository, location }) => {
    const exported = await repository.keys.export(ref === undefined ? undefined : await keyOf(repository, ref));
    const file = resolve(flags.out);
    const facts = { ...exported, pool: repository.id.slice(0, 8), location, printedAt: Date.now() };
    try {
      await writeFile(file, file.endsWith('.html') ? keySheetHtml(facts) : exported.text, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      throw new AppError('invalidValue', `--out: ${messageOf(error)}`, { field: '--out', cause: error });
    }
    note(`It opens the repository only together with its password. Keep the two in different places.
To bring it back, copy the file to keys/${exported.keyId} in the repository.`);
    printObject({ keyId: exported.keyId, repositoryId: exported.repositoryId, file });
  });
}

/** The whole id of a key from its beginning. @throws AppError notFound, ambiguous */
async function keyOf(repository: Repository, ref: string): Promise<string> {
  const found = (await repository.keys.list()).filter(({ id }) => id.startsWith(ref.toLowerCase()));
  const [key] = found;
  if (key === undefined)
    throw new AppError('notFound', `the repository has no key ${ref}`, { field: 'key', hint: 'See: repo keys list.' });
  if (found.length > 1) throw new AppError('ambiguous', `${found.length} keys begin with ${ref}`, { field: 'key' });
  return key.id;
}
