import { AppError } from '../../shared/errors.ts';

/** `name` itself or, when it is taken, with the smallest free numeric suffix from 2 on: `web-2`. */
export async function freeName(
  name: string,
  isTaken: (candidate: string) => Promise<boolean> | boolean,
): Promise<string> {
  if (!(await isTaken(name))) return name;
  for (let number = 2; number < 10_000; number++) {
    const candidate = `${name}-${number}`;
    if (!(await isTaken(candidate))) return candidate;
  }
  throw new AppError('nameTaken', `every name from ${name} to ${name}-9999 is taken`);
}

/** Makes one file name of any text from a backup: no separators, no control characters, at most 200 bytes. */
export function safeFileName(text: string, fallback: string): string {
  const clean = text.replaceAll(/[/\\\p{Cc}]/gu, '_');
  let short = clean;
  while (Buffer.byteLength(short, 'utf8') > 200) short = short.slice(0, -1);
  return short === '' || short === '.' || short === '..' ? fallback : short;
}
