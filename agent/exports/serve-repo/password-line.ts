import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { AppError } from '../../../shared/errors.ts';
import { isFolderName } from './target.ts';

/** The cost of a check: about 60 ms and 32 MiB. */
const defaults = { N: 32_768, r: 8, p: 1 };
const keyBytes = 32;
const mostMemory = 256 * 1024 * 1024;

/** A password as it is kept. */
export interface PasswordHash {
  N: number;
  r: number;
  p: number;
  salt: Buffer;
  key: Buffer;
}

export interface PasswordLine {
  user: string;
  hash: PasswordHash;
}

/**
 * A line for the users file: `user:scrypt$N$r$p$salt$key`, the last two in base64.
 * @throws AppError invalidValue when the name could not be that of a user's folder, or the password is empty
 */
export async function makePasswordLine(user: string, password: string): Promise<string> {
  if (!isFolderName(user)) {
    throw new AppError('invalidValue', `${JSON.stringify(user)} cannot be the name of a user`, {
      field: 'user',
      hint: 'Letters, digits and . _ @ + - are allowed; a word that restic uses, such as data or keys, is not.',
    });
  }
  if (password === '') throw new AppError('invalidValue', 'the password is empty', { field: 'password' });
  const salt = randomBytes(16);
  const key = await derive(password, { ...defaults, salt }, keyBytes);
  const { N, r, p } = defaults;
  return `${user}:${['scrypt', N, r, p, salt.toString('base64'), key.toString('base64')].join('$')}`;
}

const linePattern =
  /^([^:]+):scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9+/]{4,}={0,2})\$([A-Za-z0-9+/]{22,}={0,2})$/u;

/** @returns undefined when it is none, or one that would cost too much to check */
export function parsePasswordLine(line: string): PasswordLine | undefined {
  const [, user = '', n, r, p, salt = '', key = ''] = linePattern.exec(line) ?? [];
  const hash = {
    ...{ N: Number(n), r: Number(r), p: Number(p) },
    ...{ salt: Buffer.from(salt, 'base64'), key: Buffer.from(key, 'base64') },
  };
  const isPower = Number.isInteger(Math.log2(hash.N)) && hash.N >= 2;
  const isCheap = hash.r >= 1 && hash.p >= 1 && hash.p <= 16 && 128 * hash.N * hash.r <= mostMemory / 2;
  return isFolderName(user) && isPower && isCheap ? { user, hash } : undefined;
}

/** Compares in constant time. */
export async function fitsPassword(password: string, hash: PasswordHash): Promise<boolean> {
  const derived = await derive(password, hash, hash.key.length);
  return timingSafeEqual(derived, hash.key);
}

/** What an unknown user is checked against, so that it takes as long as a known one. */
export const nobody: PasswordHash = { ...defaults, salt: Buffer.alloc(16), key: Buffer.alloc(keyBytes) };

function derive(password: string, { N, r, p, salt }: Omit<PasswordHash, 'key'>, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, length, { N, r, p, maxmem: mostMemory }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
