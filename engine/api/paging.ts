import { AppError } from '../../shared/errors.ts';

interface Page {
  limit: number;
  offset: number;
  cursor?: string | undefined;
}

/** Keyset paging over numbers, newest first: the cursor is the last number of the page before. */
export function pageOf({ limit, offset, cursor }: Page): { limit: number; offset: number; before: number | undefined } {
  if (cursor === undefined) return { limit, offset, before: undefined };
  if (!/^\d{1,15}$/u.test(cursor))
    throw new AppError('invalidValue', 'cursor: not one that a list gave', { field: 'cursor' });
  return { limit, offset, before: Number(cursor) };
}

/** The cursor for the next page; none when this page was not full. */
export function nextCursor(rows: ReadonlyArray<{ id: number }>, limit: number): { cursor?: string } {
  const last = rows.at(-1);
  return last === undefined || rows.length < limit ? {} : { cursor: String(last.id) };
}
