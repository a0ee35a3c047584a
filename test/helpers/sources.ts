import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The same sources are started hundreds of times. */
export const compileCache = join(tmpdir(), 'holdfast-compile-cache');
export const checkout = fileURLToPath(new URL('../..', import.meta.url));
