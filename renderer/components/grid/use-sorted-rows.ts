import {
  createColumnHelper,
  createSortedRowModel,
  type RowData,
  rowSortingFeature,
  type SortingState,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { useMemo } from 'react';
import { useText } from '../../text/use-text.ts';
import type { GridColumn } from './grid-types.ts';

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });

type Value = string | number | null;

/** `-size` as TanStack's state. */
export function parseSort(sort: string): SortingState {
  const desc = sort.startsWith('-');
  const id = desc ? sort.slice(1) : sort;
  return id === '' ? [] : [{ id, desc }];
}

/** The next sort when the head of a column is pressed: ascending, descending, ascending, … */
export function nextSort(sort: string, columnId: string): string {
  return sort === columnId ? `-${columnId}` : columnId;
}

/** Rows in the order of the sorted column; names as people order them, missing values last. */
export function useSortedRows<Row extends RowData>(
  rows: readonly Row[],
  columns: readonly GridColumn<Row>[],
  sort: string,
): readonly Row[] {
  const { format } = useText();
  const defs = useMemo(() => {
    const helper = createColumnHelper<typeof features, Row>();
    return columns.map((column) =>
      helper.accessor((row): unknown => column.value?.(row) ?? undefined, {
        id: column.id,
        sortUndefined: 'last',
        sortFn: (left, right, id) => {
          const [a, b] = [left.getValue<Value>(id), right.getValue<Value>(id)];
          return typeof a === 'number' && typeof b === 'number' ? a - b : format.compare(String(a), String(b));
        },
      }),
    );
  }, [columns, format]);
  const sorting = useMemo(() => parseSort(sort), [sort]);
  const data = useMemo(() => [...rows], [rows]);
  const table = useTable({ features, columns: defs, data, state: { sorting } });
  const { rows: sorted } = table.getRowModel();
  return useMemo(() => sorted.map((row) => row.original), [sorted]);
}
