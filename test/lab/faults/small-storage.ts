import { mkdir, statfs } from 'node:fs/promises';
import { runProgram } from '../../../shared/node/run-program.ts';

/** Enough for one test file; only what is used costs memory. */
const roomy = '3g';

/** A file system in memory that can be made full and roomy again while it is used. */
export class SmallStorage {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @param mode of its root, octal */
  static async mount(path: string, mode: string): Promise<SmallStorage> {
    await mkdir(path, { recursive: true });
    await runProgram('mount', ['-t', 'tmpfs', '-o', `size=${roomy},mode=${mode}`, 'tmpfs', path]);
    return new SmallStorage(path);
  }

  /** Leaves so much room. Bytes. */
  async fill(room: number): Promise<void> {
    const { blocks, bfree, bsize } = await statfs(this.path);
    await this.#resize(String((blocks - bfree) * bsize + room));
  }

  async empty(): Promise<void> {
    await this.#resize(roomy);
  }

  async unmount(): Promise<void> {
    await runProgram('umount', ['--lazy', this.path]);
  }

  async #resize(size: string): Promise<void> {
    await runProgram('mount', ['-o', `remount,size=${size}`, this.path]);
  }
}
