import { z } from 'zod';
import { AppError, messageOf } from '../../shared/errors.ts';

/** A SHA-256 as the repository writes it. */
export const hexId = z.string().regex(/^[0-9a-f]{64}$/u, 'must be 64 hexadecimal digits');

/**
 * Parses JSON out of the repository and checks its shape.
 * @param label how the file is called in messages
 * @throws AppError repositoryDamaged
 */
export function parseJson<T extends z.ZodType>(schema: T, bytes: Uint8Array, label: string): z.output<T> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (error) {
    throw new AppError('repositoryDamaged', `${label} is not JSON: ${messageOf(error)}`, { cause: error });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue === undefined ? '' : `: ${issue.path.join('.')} ${issue.message}`;
  throw new AppError('repositoryDamaged', `${label} has an unexpected form${where}`);
}

/** JSON as Go's encoding/json writes it: `<`, `>`, `&` and the two line separators escaped. */
export function goJson(value: unknown): Buffer {
  const text = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return Buffer.from(text, 'utf8');
}

/** A time as Go writes it: RFC 3339 without trailing zeros of the fraction. @param epochMs milliseconds UTC */
export function goTime(epochMs: number): string {
  return new Date(epochMs)
    .toISOString()
    .replace(/\.(\d*?)0+Z$/u, (_, digits: string) => (digits === '' ? 'Z' : `.${digits}Z`));
}
