import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
    return new Promise((resolve, reject) => {
      const child = spawn('restic', this.#arguments(['dump', snapshot, path]), { stdio: ['ignore', 'pipe', 'pipe'] });
      const hash = createHash('sha256');
      let problem = '';
      child.stdout.on('data', (chunk: Buffer) => hash.update(chunk));
      child.stderr.on('data', (chunk: Buffer) => {
        problem += chunk.toString();
      });
      child.on('error', reject);
      child.on('close', (code) => {
        if (code === 0) resolve(hash.digest('hex'));
        else reject(new Error(problem));
      });
    });
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
