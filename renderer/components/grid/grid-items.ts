import type { GridDetail, GridGroups } from './grid-types.ts';

/** One line of the virtual list. */
export type GridItem<Row> =
  | { readonly kind: 'group'; readonly key: string; readonly rows: readonly Row[]; readonly isOpen: boolean }
  | { readonly kind: 'row'; readonly id: string; readonly row: Row; readonly isOpen: boolean }
  | { readonly kind: 'detail'; readonly id: string; readonly row: Row };

/** Key of a line: stable while rows come and go. */
export function keyOfItem<Row>(item: GridItem<Row>): string {
  return item.kind === 'group' ? `group ${item.key}` : `${item.kind} ${item.id}`;
}

function linesOf<Row>(
  rows: readonly Row[],
  idOf: (row: Row) => string,
  detail: GridDetail<Row> | undefined,
): GridItem<Row>[] {
  return rows.flatMap((row): GridItem<Row>[] => {
    const isOpen = detail?.isOpen(row) ?? false;
    const line: GridItem<Row> = { kind: 'row', id: idOf(row), row, isOpen };
    return isOpen ? [line, { kind: 'detail', id: idOf(row), row }] : [line];
  });
}

/** Flattens sorted rows into lines: heads of groups, rows, and what opened rows show. */
export function buildItems<Row>(
  rows: readonly Row[],
  idOf: (row: Row) => string,
  groups: GridGroups<Row> | undefined,
  detail: GridDetail<Row> | undefined,
): GridItem<Row>[] {
  if (groups === undefined) return linesOf(rows, idOf, detail);
  const byKey = Map.groupBy(rows, (row) => groups.keyOf(row));
  const known = (groups.order ?? []).filter((key) => byKey.has(key));
  const keys = [...known, ...[...byKey.keys()].filter((key) => !known.includes(key))];
  return keys.flatMap((key): GridItem<Row>[] => {
    const members = byKey.get(key) ?? [];
    const isOpen = groups.isOpen?.(key) ?? true;
    const head: GridItem<Row> = { kind: 'group', key, rows: members, isOpen };
    return isOpen ? [head, ...linesOf(members, idOf, detail)] : [head];
  });
}
