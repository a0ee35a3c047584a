import { type RefObject, useLayoutEffect, useMemo, useState } from 'react';
import type { GridColumn } from './grid-types.ts';

/** Columns that fit into a width: those with priority 0 always, the others by priority while there is room. */
export function fitColumns<Row>(columns: readonly GridColumn<Row>[], width: number): readonly GridColumn<Row>[] {
  const kept = new Set(columns.filter(({ priority }) => priority === 0));
  let left = width - [...kept].reduce((sum, column) => sum + column.width, 0);
  for (const column of columns.toSorted((a, b) => a.priority - b.priority)) {
    if (kept.has(column) || column.width > left) continue;
    kept.add(column);
    left -= column.width;
  }
  return columns.filter((column) => kept.has(column));
}

/** Follows the width of the list; columns are dropped instead of squeezing names. */
export function useFittingColumns<Row>(
  columns: readonly GridColumn<Row>[],
  scroller: RefObject<HTMLElement | null>,
  reserved: number,
): readonly GridColumn<Row>[] {
  const [width, setWidth] = useState(Number.POSITIVE_INFINITY);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const measure = () => setWidth(element.clientWidth === 0 ? Number.POSITIVE_INFINITY : element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller]);
  return useMemo(() => fitColumns(columns, width - reserved), [columns, width, reserved]);
}

/** The grid template of columns, plus one for the row's menu. */
export function templateOf<Row>(columns: readonly GridColumn<Row>[], menuWidth: number): string {
  const tracks = columns.map(({ width, grow }) =>
    grow === undefined ? `${width}px` : `minmax(${width}px, ${grow}fr)`,
  );
  return [...tracks, ...(menuWidth > 0 ? [`${menuWidth}px`] : [])].join(' ');
}
