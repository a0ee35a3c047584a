import { it } from 'vitest';

/**
 * `skip` argument for a suite that needs something of the machine: skipped loudly where it is missing, and a failure where
 * nothing may be skipped (`npm test` with CI=true).
 */
export function lacking(missing: string | undefined): boolean {
  if (missing === undefined) return false;
  if (process.env['HOLDFAST_NO_SKIP'] === '1') throw new Error(`nothing may be skipped here, but: ${missing}`);
  console.warn(`SKIPPED: ${missing}`);
  return true;
}

/**
 * A test of missing rights. Root may write anywhere, so for root it does not exist; what the code does on such an error
 * is tested on a read-only file system as well.
 */
export const itAsUser: (name: string, body: () => Promise<void>) => void =
  process.getuid?.() === 0 ? () => undefined : (name, body) => it(name, body);
