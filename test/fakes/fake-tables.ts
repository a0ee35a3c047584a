import { AppError } from '../../shared/errors.ts';

export type Numbered = { id: number; name?: string; uuid?: string };

/** Rows that a reference names. @throws AppError notFound */
export function pick<T extends Numbered>(rows: readonly T[], ref: string, what: string): T {
  const found = rows.find((row) => String(row.id) === ref || row.name === ref || row.uuid === ref);
  if (found === undefined) throw new AppError('notFound', `there is no ${what} ${ref}`);
  return found;
}

/** One page of rows, as every list answers. */
export const rowsOf = <T>(
  rows: readonly T[],
  { limit, offset }: { limit: number; offset: number } = { limit: 10_000, offset: 0 },
) => ({
  rows: rows.slice(offset, offset + limit),
  total: rows.length,
});
/** The number after the highest. */
export const nextId = (rows: readonly Numbered[]) => Math.max(0, ...rows.map((row) => row.id)) + 1;
