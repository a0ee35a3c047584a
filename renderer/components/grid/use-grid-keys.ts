import { type FocusEvent, type KeyboardEvent, type RefObject, useEffect, useRef, useState } from 'react';
import { perform } from '../action.ts';
import { type GridItem, keyOfItem } from './grid-items.ts';
import type { GridProps } from './grid-types.ts';

const pageRows = 15;

interface Options<Row> {
  readonly props: GridProps<Row>;
  readonly items: readonly GridItem<Row>[];
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly scrollTo: (index: number) => void;
  readonly openMenu: (item: GridItem<Row>, element: HTMLElement) => void;
}

function isField(target: EventTarget): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, .gx') !== null;
}

function canFocus<Row>(item: GridItem<Row> | undefined, props: GridProps<Row>): boolean {
  return item?.kind === 'row' || (item?.kind === 'group' && props.groups?.cells !== undefined);
}

function step<Row>(items: readonly GridItem<Row>[], from: number, by: number, props: GridProps<Row>): number {
  const direction = Math.sign(by);
  let last = from;
  for (
    let index = from + direction, left = Math.abs(by);
    left > 0 && index >= 0 && index < items.length;
    index += direction
  ) {
    if (!canFocus(items[index], props)) continue;
    last = index;
    left--;
  }
  return last;
}

/** Where a key moves the row; undefined when it is no key of movement. */
function target<Row>(
  key: string,
  items: readonly GridItem<Row>[],
  from: number,
  props: GridProps<Row>,
): number | undefined {
  const moves: Record<string, number> = {
    ArrowDown: 1,
    j: 1,
    ArrowUp: -1,
    k: -1,
    PageDown: pageRows,
    PageUp: -pageRows,
    End: items.length,
    Home: -items.length,
  };
  const by = moves[key];
  return by === undefined ? undefined : step(items, from, by, props);
}

function setOpen<Row>(item: GridItem<Row>, isOpen: boolean | 'toggle', props: GridProps<Row>): boolean {
  if (item.kind === 'detail') return false;
  const wanted = isOpen === 'toggle' ? !item.isOpen : isOpen;
  if (wanted === item.isOpen) return false;
  if (item.kind === 'group') props.groups?.toggle?.(item.key);
  else props.detail?.toggle(item.row);
  return true;
}

/** Enter and Space: opens a head or a row that has something to open, else selects the row. */
export function activate<Row>(item: GridItem<Row>, props: GridProps<Row>): void {
  if (item.kind === 'group' || (item.kind === 'row' && props.detail !== undefined)) setOpen(item, 'toggle', props);
  if (item.kind === 'row') props.onSelect?.(item.row);
}

/**
 * Keyboard of a list with one tab stop: arrows and j k move, Enter and Space open, Menu and Shift+F10 show the menu,
 * single keys run the row's actions (ui rules §4).
 */
export function useGridKeys<Row>({ props, items, scroller, scrollTo, openMenu }: Options<Row>) {
  const [currentKey, setCurrentKey] = useState<string>();
  const wantsFocus = useRef(false);
  const selectedKey = props.selectedId === undefined ? undefined : `row ${props.selectedId}`;
  const indexOf = (key: string | undefined) =>
    items.findIndex((item) => canFocus(item, props) && keyOfItem(item) === key);
  const current = [indexOf(currentKey), indexOf(selectedKey), items.findIndex((item) => canFocus(item, props))].find(
    (index) => index >= 0,
  );

  useEffect(() => {
    if (!wantsFocus.current || currentKey === undefined) return;
    const element = scroller.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(currentKey)}"]`);
    if (element === null || element === undefined) return;
    wantsFocus.current = false;
    element.focus({ preventScroll: true });
  });

  const focus = (index: number) => {
    const item = items[index];
    if (item === undefined) return;
    wantsFocus.current = true;
    setCurrentKey(keyOfItem(item));
    scrollTo(index);
    if (props.followFocus === true && props.selectedId !== undefined && item.kind === 'row') props.onSelect?.(item.row);
  };

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (isField(event.target) || event.ctrlKey || event.metaKey || event.altKey || current === undefined) return;
    const item = items[current];
    if (item === undefined) return;
    const isButton = event.target instanceof HTMLButtonElement;
    const next = target(event.key, items, current, props);
    if (next !== undefined) focus(next);
    else if ((event.key === 'Enter' || event.key === ' ') && !isButton) activate(item, props);
    else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey))
      openMenu(item, event.target as HTMLElement);
    else if (!runShortcut(event.key, item, props) && !setOpenByArrow(event.key, item, props)) return;
    event.preventDefault();
  };
  // A row may get the focus by other ways than ours: a screen reader, a click on something inside it.
  const onFocus = (event: FocusEvent<HTMLElement>) => {
    const key = event.target.closest<HTMLElement>('[data-key]')?.dataset['key'];
    if (key !== undefined) setCurrentKey(key);
  };
  return { current, onKeyDown, onFocus, setCurrentKey, focusKey: (key: string) => focus(indexOf(key)) };
}

function runShortcut<Row>(key: string, item: GridItem<Row>, props: GridProps<Row>): boolean {
  if (item.kind !== 'row') return false;
  const action = props
    .actions?.(item.row)
    .find((one) => one.shortcut === key || (one.shortcut === 'Del' && key === 'Delete'));
  if (action !== undefined) perform(action);
  return action !== undefined;
}

function setOpenByArrow<Row>(key: string, item: GridItem<Row>, props: GridProps<Row>): boolean {
  return (key === 'ArrowRight' || key === 'ArrowLeft') && setOpen(item, key === 'ArrowRight', props);
}
