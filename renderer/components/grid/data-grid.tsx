import { useVirtualizer } from '@tanstack/react-virtual';
import { type CSSProperties, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { ContextMenu, type MenuPlace } from '../action-menu.tsx';
import { GridHead } from './grid-head.tsx';
import { buildItems, type GridItem, keyOfItem } from './grid-items.ts';
import { DetailLine, GridRow, GroupLine } from './grid-lines.tsx';
import { SkeletonRows } from './skeleton-rows.tsx';
import type { GridColumn, GridProps } from './grid-types.ts';
import { templateOf, useFittingColumns } from './use-fitting-columns.ts';
import { activate, useGridKeys } from './use-grid-keys.ts';
import { useSortedRows } from './use-sorted-rows.ts';

const menuWidth = 36;
const heights = { row: 28, twoLine: 44, group: 24, groupCells: 32, detail: 160 };

function heightOf<Row>(item: GridItem<Row> | undefined, props: GridProps<Row>): number {
  if (item?.kind === 'detail') return heights.detail;
  if (item?.kind === 'group') return props.groups?.cells === undefined ? heights.group : heights.groupCells;
  return props.twoLine === true ? heights.twoLine : heights.row;
}

/** The list of every view: virtual rows, one tab stop, sorting, groups, opened rows, context menu. */
export function DataGrid<Row extends object>(props: GridProps<Row>) {
  const { rows, columns, groups, detail, idOf, onHidden } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const hasMenu = props.actions !== undefined;
  const fitting = useFittingColumns(columns, scroller, hasMenu ? menuWidth : 0);
  const sorted = useSortedRows(rows, columns, props.sort);
  const items = useMemo(() => buildItems(sorted, idOf, groups, detail), [sorted, idOf, groups, detail]);
  const [menu, setMenu] = useState<{ readonly item: GridItem<Row> & { kind: 'row' }; readonly at: MenuPlace }>();
  const hidden = columns.length - fitting.length;
  useEffect(() => onHidden?.(hidden), [onHidden, hidden]);

  // oxlint-disable-next-line react/incompatible-library -- the page is not built with the React Compiler
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => heightOf(items[index], props),
    getItemKey: (index) => keyOfItem(items[index] as GridItem<Row>),
    overscan: 8,
    scrollPaddingStart: heights.row,
    useFlushSync: false,
  });

  const onMenu = useCallback((item: GridItem<Row>, x: number, y: number) => {
    if (item.kind === 'row' && latest.current.actions !== undefined) setMenu({ item, at: { x, y } });
  }, []);
  const openMenu = (item: GridItem<Row>, element: HTMLElement) => {
    const box = element.getBoundingClientRect();
    onMenu(item, box.left + 32, box.bottom);
  };
  const keys = useGridKeys({ props, items, scroller, scrollTo: (index) => virtual.scrollToIndex(index), openMenu });
  const { setCurrentKey } = keys;
  const onActivate = useCallback(
    (item: GridItem<Row>) => {
      setCurrentKey(keyOfItem(item));
      activate(item, latest.current);
    },
    [setCurrentKey],
  );
  const style = { '--gcols': templateOf(fitting, hasMenu ? menuWidth : 0) } as CSSProperties;
  const isEmpty = items.length === 0;
  const isTree = detail !== undefined || groups?.cells !== undefined;
  return (
    <div className="gw">
      <div
        ref={scroller}
        className="g"
        style={{ ...style, ...(isEmpty ? { flex: 'none', height: heights.row } : {}) }}
        role={isTree ? 'treegrid' : 'grid'}
        aria-label={props.label}
        aria-rowcount={items.length + 1}
        aria-colcount={fitting.length}
        aria-busy={props.isLoading === true}
        onKeyDown={keys.onKeyDown}
        onFocus={keys.onFocus}
      >
        <GridHead columns={fitting} hasMenu={hasMenu} sort={props.sort} onSort={props.onSort} />
        <div role="rowgroup" className="gb" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((line) => (
            <Line
              key={line.key as string}
              item={items[line.index] as GridItem<Row>}
              index={line.index}
              start={line.start}
              isCurrent={line.index === keys.current}
              grid={props}
              columns={fitting}
              measure={virtual.measureElement}
              onActivate={onActivate}
              onMenu={onMenu}
            />
          ))}
        </div>
      </div>
      {isEmpty && (props.isLoading === true ? <SkeletonRows /> : props.empty)}
      {menu !== undefined && (
        <ContextMenu
          at={menu.at}
          title={props.nameOf(menu.item.row)}
          actions={props.actions?.(menu.item.row) ?? []}
          onClose={() => {
            setMenu(undefined);
            keys.focusKey(keyOfItem(menu.item));
          }}
        />
      )}
    </div>
  );
}

interface LineOptions<Row> {
  readonly item: GridItem<Row>;
  readonly index: number;
  readonly start: number;
  readonly isCurrent: boolean;
  readonly grid: GridProps<Row>;
  readonly columns: readonly GridColumn<Row>[];
  readonly measure: (element: HTMLElement | null) => void;
  readonly onActivate: (item: GridItem<Row>) => void;
  readonly onMenu: (item: GridItem<Row>, x: number, y: number) => void;
}

function Line<Row>({ item, grid, columns, measure, onActivate, onMenu, ...place }: LineOptions<Row>) {
  const { groups, detail } = grid;
  const line = { ...place, lineKey: keyOfItem(item), hasMenu: grid.actions !== undefined, columns, onActivate };
  if (item.kind === 'group') {
    const label = groups?.label(item.key, item.rows);
    return <GroupLine {...line} item={item} label={label} cells={groups?.cells?.(item.key, item.rows, item.isOpen)} />;
  }
  if (item.kind === 'detail') {
    return (
      <DetailLine index={place.index} start={place.start} measure={measure} span={columns.length}>
        {detail?.render(item.row)}
      </DetailLine>
    );
  }
  const className = [grid.twoLine === true ? 'two' : '', grid.rowClass?.(item.row) ?? ''].join(' ');
  return (
    <GridRow
      {...line}
      item={item}
      name={grid.nameOf(item.row)}
      className={className}
      isSelected={item.id === grid.selectedId}
      canOpen={detail !== undefined}
      onMenu={onMenu}
    />
  );
}
