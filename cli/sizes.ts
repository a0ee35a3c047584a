import { AppError } from '../shared/errors.ts';

const units: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

/** Bytes of "256KiB" or "50 MiB". @throws AppError invalidValue naming the option */
export function parseSize(text: string, option: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)\s*(B|KiB|MiB|GiB|TiB)$/u.exec(text.trim());
  const bytes = Number(match?.[1]) * (units[match?.[2] ?? ''] ?? Number.NaN);
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new AppError('invalidValue', `${option}: "${text}" is no size; write for example 256KiB or 50MiB`, {
    field: option,
  });
}
