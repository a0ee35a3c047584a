import type { TestContext } from 'vitest';
import { runProgram } from '../../shared/node/run-program.ts';
import { lacking } from './needs.ts';
import { temporaryFolder } from './temporary-folder.ts';

/**
 * Runs `work` on a small file system of its own; skips the test, saying so, where mounting is not allowed.
 * @param size as mount(8) takes it, e.g. `1m`
 */
export async function onTmpfs(
  context: TestContext,
  size: string,
  work: (path: string, remount: (mode: 'ro' | 'rw') => Promise<void>) => Promise<void>,
): Promise<void> {
  const path = await temporaryFolder();
  try {
    await runProgram('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', path]);
  } catch (error) {
    context.skip(lacking(`tmpfs cannot be mounted here: ${String(error)}`), 'tmpfs needs root');
  }
  try {
    await work(path, async (mode) => {
      await runProgram('mount', ['-o', `remount,${mode}`, path]);
    });
  } finally {
    await runProgram('umount', ['--lazy', path]);
  }
}
