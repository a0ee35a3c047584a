import { open } from 'node:fs/promises';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { type PasswordHash, parsePasswordLine } from './password-line.ts';

/** A file of a hundred thousand users. */
const largestBytes = 16 * 1024 * 1024;
const lookAgainMs = 1000;

/** Who may use the server. The file is read again when it changes, so users come and go without a restart. */
export class UsersFile {
  readonly #path: string;
  readonly #log: (line: string) => void;
  #users = new Map<string, PasswordHash>();
  #version = '';
  #lookedAt = Number.NEGATIVE_INFINITY;

  private constructor(path: string, log: (line: string) => void) {
    this.#path = path;
    this.#log = log;
  }

  /** @throws AppError invalidValue when it cannot be read or holds a line that is none */
  static async open(path: string, log: (line: string) => void): Promise<UsersFile> {
    const users = new UsersFile(path, log);
    try {
      const wrong = await users.#read();
      if (wrong.length === 0) return users;
      throw new Error(`line ${wrong.join(', ')}: not user:scrypt$N$r$p$salt$key, or a user twice`);
    } catch (error) {
      throw new AppError('invalidValue', `the users file ${path}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** @returns undefined for an unknown user. The same object comes back until the user's line changes. */
  async find(user: string): Promise<PasswordHash | undefined> {
    const now = performance.now();
    if (now - this.#lookedAt >= lookAgainMs) {
      this.#lookedAt = now;
      try {
        const wrong = await this.#read();
        if (wrong.length > 0) this.#log(`users file: line ${wrong.join(', ')} is ignored`);
      } catch (error) {
        // Whoever was taken out of it must not stay in because it cannot be read.
        this.#users.clear();
        this.#version = '';
        this.#log(`users file: nobody may sign in: ${messageOf(error)}`);
      }
    }
    return this.#users.get(user);
  }

  /** @returns numbers of wrong lines */
  async #read(): Promise<number[]> {
    const file = await open(this.#path, 'r');
    try {
      const { mtimeNs, ctimeNs, size, ino } = await file.stat({ bigint: true });
      const version = [mtimeNs, ctimeNs, size, ino].join(' ');
      this.#lookedAt = performance.now();
      if (version === this.#version) return [];
      if (size > largestBytes) throw new Error('it is too large');
      const wrong = this.#take(await file.readFile('utf8'));
      this.#version = version;
      return wrong;
    } finally {
      await file.close();
    }
  }

  #take(text: string): number[] {
    const users = new Map<string, PasswordHash>();
    const wrong: number[] = [];
    for (const [index, raw] of text.split('\n').entries()) {
      const line = raw.trim();
      if (line === '' || line.startsWith('#')) continue;
      const parsed = parsePasswordLine(line);
      if (parsed === undefined || users.has(parsed.user)) wrong.push(index + 1);
      else users.set(parsed.user, this.#sameOr(parsed.user, parsed.hash));
    }
    this.#users = users;
    return wrong;
  }

  #sameOr(user: string, hash: PasswordHash): PasswordHash {
    const old = this.#users.get(user);
    return old !== undefined && JSON.stringify(old) === JSON.stringify(hash) ? old : hash;
  }
}
