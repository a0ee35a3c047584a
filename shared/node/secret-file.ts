import { readFile } from 'node:fs/promises';
import { AppError } from '../errors.ts';

/**
 * Reads a password from a file; one trailing newline goes, as restic does it.
 * @throws AppError invalidValue naming the option when the file is missing, unreadable or empty
 */
export async function readSecretFile(path: string, option: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('invalidValue', `${option}: cannot read ${path}`, { field: option, cause: error });
  }
  const secret = text.replace(/\r?\n$/u, '').trim();
  if (secret === '') throw new AppError('invalidValue', `${option}: ${path} is empty`, { field: option });
  return secret;
}
