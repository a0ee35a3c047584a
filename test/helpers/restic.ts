import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type RunOptions, type RunResult, runProgram } from '../../shared/node/run-program.ts';
import { resticPassword } from './repository-settings.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Whether the public restic is installed; it is the independent oracle of our repositories. */
export const hasRestic = spawnSync('restic', ['version']).status === 0;

/** The public restic on one repository folder. */
export class Restic {
  readonly path: string;
  readonly #passwordFile: string;

  private constructor(path: string, passwordFile: string) {
    this.path = path;
    this.#passwordFile = passwordFile;
  }

  /** @param path the repository's folder; a new one for this test when left out */
  static async at(path?: string, password = resticPassword): Promise<Restic> {
    const passwordFile = join(await temporaryFolder(), 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    return new Restic(path ?? join(await temporaryFolder(), 'repository'), passwordFile);
  }

  /** Runs restic; fails the test when it exits otherwise than `okCodes`. */
  run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return runProgram('restic', this.#arguments(args), options);
  }

  async init(): Promise<void> {
    await this.run(['init', '--repository-version', '2']);
  }

  /** `check --read-data` finds nothing, not even a hint. */
  async checkClean(): Promise<void> {
    const { stdout, stderr } = await this.run(['check', '--read-data']);
    const text = stdout + stderr;
    if (!text.includes('no errors were found')) throw new Error(text);
  }

  /** SHA-256 (hex) of what `restic dump` prints. */
  dumpHash(snapshot: string, path: string): Promise<string> {
    return this.dump(snapshot, path, hashOf);
  }

  /** What `restic dump` prints, given to `use` as it comes. */
  async dump<T>(snapshot: string, path: string, use: (output: Readable) => Promise<T>): Promise<T> {
    const child = spawn('restic', this.#arguments(['dump', snapshot, path]), { stdio: ['ignore', 'pipe', 'pipe'] });
    let problem = '';
    child.stderr.on('data', (chunk: Buffer) => {
      problem += chunk.toString();
    });
    const ended = once(child, 'close') as Promise<[number | null]>;
    const result = await use(child.stdout);
    if ((await ended)[0] !== 0) throw new Error(problem);
    return result;
  }

  /** Restores into a new folder and returns it. */
  async restore(snapshot: string): Promise<string> {
    const target = await temporaryFolder();
    await this.run(['restore', snapshot, '--target', target]);
    return target;
  }

  /** Removes the lock files as a person would after a crash. */
  async removeLocks(): Promise<void> {
    await rm(join(this.path, 'locks'), { recursive: true, force: true });
  }

  #arguments(args: readonly string[]): string[] {
    return ['--repo', this.path, '--password-file', this.#passwordFile, '--no-cache', ...args];
  }
}

/** SHA-256 (hex) of a stream. */
export async function hashOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
