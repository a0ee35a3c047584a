import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../shared/errors.ts';
import { writeFileAtomic } from '../shared/node/atomic-file.ts';

const credentialsSchema = z.object({
  url: z.url(),
  token: z.string(),
  /** Pinned certificate of an https engine. */
  fingerprint: z.string().optional(),
});
export type Credentials = z.output<typeof credentialsSchema>;

function folder(): string {
  return join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'holdfast');
}

/** Writes them to `login.json`, 0600. @returns the path */
export async function saveCredentials(credentials: Credentials): Promise<string> {
  await mkdir(folder(), { recursive: true, mode: 0o700 });
  const path = join(folder(), 'login.json');
  await writeFileAtomic(path, `${JSON.stringify(credentials)}\n`);
  return path;
}

/** HOLDFAST_URL and HOLDFAST_TOKEN, else the file of the last `login`. @throws AppError notSignedIn */
export async function loadCredentials(): Promise<Credentials> {
  const { HOLDFAST_URL: url, HOLDFAST_TOKEN: token, HOLDFAST_FINGERPRINT: fingerprint } = process.env;
  if (url !== undefined && token !== undefined)
    return { url, token, ...(fingerprint === undefined ? {} : { fingerprint }) };
  let text: string;
  try {
    text = await readFile(join(folder(), 'login.json'), 'utf8');
  } catch (error) {
    throw new AppError('notSignedIn', 'not signed in to any engine', {
      hint: 'Run: holdfast login --url URL --user admin --password-file FILE; or set HOLDFAST_URL and HOLDFAST_TOKEN.',
      cause: error,
    });
  }
  return credentialsSchema.parse(JSON.parse(text));
}
