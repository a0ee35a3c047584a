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

const namedPage = 500;

/** One page of rows that are ordered by name, then number; the cursor holds both of the last row. */
export function namedPageOf<T extends { id: number; name: string }>(rows: readonly T[], cursor: string | undefined) {
  const after = cursor === undefined ? undefined : parseNamed(cursor);
  const follows = (row: T) =>
    after === undefined || row.name > after.name || (row.name === after.name && row.id > after.id);
  const rest = rows.filter(follows);
  const page = rest.slice(0, namedPage);
  const last = page.at(-1);
  const next = last === undefined || rest.length <= namedPage ? {} : { cursor: `${last.id}:${last.name}` };
  return { rows: page, total: rows.length, ...next };
}

function parseNamed(cursor: string): { id: number; name: string } {
  const match = /^(\d{1,15}):(.*)$/su.exec(cursor);
  if (match === null) throw new AppError('invalidValue', 'cursor: not one that a list gave', { field: 'cursor' });
  return { id: Number(match[1]), name: match[2] ?? '' };
}
