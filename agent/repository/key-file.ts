import { randomBytes, scrypt } from 'node:crypto';
import { hostname } from 'node:os';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { idOf } from './blob-id.ts';
import { throwIfAborted } from './cancel.ts';
import { type KeyBytes, SealingKey } from './cipher.ts';
import { goJson, goTime, parseJson } from './json.ts';
import { processOwner } from './process-owner.ts';
import type { Storage } from './storage/storage.ts';

/** Cost of turning a password into a key. */
export interface KdfParameters {
  N: number;
  r: number;
  p: number;
}
/** What restic's calibration (500 ms, 60 MiB) finds on today's machines: about half a second, 32 MiB. */
export const defaultKdf: KdfParameters = { N: 32_768, r: 8, p: 6 };
/** A planted key file must not make us spend more than this: restic never writes more than 60 MiB. */
const maxKdfBytes = 256 * 1024 * 1024;
const maxKdfRounds = 64;
/** restic tries at most 20 keys as well. */
const maxKeys = 20;
const saltBytes = 64;

const keyFileSchema = z.object({
  kdf: z.literal('scrypt'),
  N: z
    .int()
    .min(2)
    .max(1 << 24)
    .refine((n) => (n & (n - 1)) === 0, 'must be a power of two'),
  r: z.int().min(1).max(64),
  p: z.int().min(1).max(maxKdfRounds),
  salt: z.base64().max(200),
  data: z.base64().max(2000),
});
const masterKeySchema = z.object({ mac: z.object({ k: z.base64(), r: z.base64() }), encrypt: z.base64() });

/** 64 random bytes: AES-256 key, k, r. One per repository, for everything. */
export function randomMasterKey(): KeyBytes {
  return { encrypt: randomBytes(32), k: randomBytes(16), r: randomBytes(16) };
}

/** What a password has opened. */
export interface OpenedKeyFile {
  name: string;
  master: KeyBytes;
}

/** Writes a key file that opens `master` with the password. @returns its name */
export async function writeKeyFile(
  storage: Storage,
  password: string,
  master: KeyBytes,
  kdf = defaultKdf,
): Promise<string> {
  const salt = randomBytes(saltBytes);
  const userKey = await deriveKey(password, salt, kdf);
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const plain = { mac: { k: base64(master.k), r: base64(master.r) }, encrypt: base64(master.encrypt) };
  const file = goJson({
    created: goTime(Date.now()),
    username: processOwner().username,
    hostname: hostname(),
    kdf: 'scrypt',
    ...kdf,
    salt: base64(salt),
    data: base64(userKey.seal(goJson(plain))),
  });
  const name = idOf(file).toString('hex');
  await storage.write('key', name, [file]);
  return name;
}

/**
 * Tries the key files until the password opens one.
 * @throws AppError wrongPassword, repositoryDamaged when there is no key file at all
 */
export async function readMasterKey(storage: Storage, password: string, signal?: AbortSignal): Promise<KeyBytes> {
  return (await openKeyFile(storage, password, signal)).master;
}

/** The same, with the name of the key file that the password opens. */
export async function openKeyFile(storage: Storage, password: string, signal?: AbortSignal): Promise<OpenedKeyFile> {
  let tried = 0;
  for await (const file of storage.list('key')) {
    if (signal !== undefined) throwIfAborted(signal);
    if (++tried > maxKeys) break;
    const master = await tryKeyFile(storage, file.name, password);
    if (master !== undefined) return { name: file.name, master };
  }
  if (tried === 0) throw new AppError('repositoryDamaged', `the repository at ${storage.location} has no key file`);
  throw new AppError('wrongPassword', `the password does not open the repository at ${storage.location}`);
}

async function tryKeyFile(storage: Storage, name: string, password: string): Promise<KeyBytes | undefined> {
  const label = `key file ${name}`;
  const file = parseJson(keyFileSchema, await storage.read('key', name), label);
  if (file.N * file.r * 128 > maxKdfBytes) throw new AppError('repositoryDamaged', `${label} asks for too much memory`);
  const userKey = await deriveKey(password, Buffer.from(file.salt, 'base64'), file);
  const plain = userKey.open(Buffer.from(file.data, 'base64'));
  if (plain === undefined) return undefined;
  const master = parseJson(masterKeySchema, plain, label);
  const bytes = (text: string) => Buffer.from(text, 'base64');
  return { encrypt: bytes(master.encrypt), k: bytes(master.mac.k), r: bytes(master.mac.r) };
}

function deriveKey(password: string, salt: Uint8Array, kdf: KdfParameters): Promise<SealingKey> {
  // Node's default ceiling of 32 MiB is just below what N = 32768 and r = 8 need.
  const maxmem = kdf.N * kdf.r * 128 + kdf.r * kdf.p * 128 + 64 * 1024 * 1024;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 64, { N: kdf.N, r: kdf.r, p: kdf.p, maxmem }, (error, derived) => {
      if (error !== null)
        reject(new AppError('repositoryDamaged', `the key file cannot be used: ${error.message}`, { cause: error }));
      else
        resolve(
          new SealingKey({
            encrypt: derived.subarray(0, 32),
            k: derived.subarray(32, 48),
            r: derived.subarray(48, 64),
          }),
        );
    });
  });
}
