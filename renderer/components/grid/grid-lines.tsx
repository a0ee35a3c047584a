import { IconDots } from '@tabler/icons-react';
import { memo, type MouseEvent, type ReactNode } from 'react';
import { useText } from '../../text/use-text.ts';
import type { GridItem } from './grid-items.ts';
import type { GridColumn } from './grid-types.ts';

interface LineProps {
  readonly lineKey: string;
  /** Position in the list, from 0. */
  readonly index: number;
  readonly start: number;
  readonly isCurrent: boolean;
}

interface RowProps<Row> extends LineProps {
  readonly item: GridItem<Row> & { kind: 'row' };
  readonly columns: readonly GridColumn<Row>[];
  readonly name: string;
  readonly className: string;
  readonly isSelected: boolean;
  readonly canOpen: boolean;
  readonly hasMenu: boolean;
  readonly onActivate: (item: GridItem<Row>) => void;
  readonly onMenu: (item: GridItem<Row>, x: number, y: number) => void;
}

function place(start: number) {
  return { transform: `translateY(${start}px)` };
}

function GridRowPlain<Row>(props: RowProps<Row>) {
  const { t } = useText();
  const { item, columns, onActivate, onMenu } = props;
  const openMenu = (event: MouseEvent) => {
    event.preventDefault();
    onMenu(item, event.clientX, event.clientY);
  };
  const click = (event: MouseEvent) => {
    if (event.target instanceof HTMLElement && event.target.closest('a, button') !== null) return;
    onActivate(item);
  };
  return (
    <div
      role="row"
      className={`gr ${props.className}${item.isOpen ? ' open' : ''}`}
      style={place(props.start)}
      data-key={props.lineKey}
      aria-rowindex={props.index + 2}
      aria-selected={props.isSelected}
      aria-expanded={props.canOpen ? item.isOpen : undefined}
      tabIndex={props.isCurrent ? 0 : -1}
      onClick={click}
      onContextMenu={props.hasMenu ? openMenu : undefined}
    >
      {columns.map((column) => (
        <div key={column.id} role="gridcell" className={column.align === 'right' ? 'r' : ''}>
          {column.cell(item.row)}
        </div>
      ))}
      {props.hasMenu && (
        <div role="gridcell" className="act">
          <button
            type="button"
            tabIndex={-1}
            aria-haspopup="menu"
            aria-label={t('common.actionsFor', { name: props.name })}
            onClick={openMenu}
          >
            <IconDots className="ic" aria-hidden />
          </button>
        </div>
      )}
    </div>
  );
}

/** One row; drawn again only when its data or its state changes. */
export const GridRow = memo(GridRowPlain) as typeof GridRowPlain;

interface GroupProps<Row> extends LineProps {
  readonly item: GridItem<Row> & { kind: 'group' };
  readonly columns: readonly GridColumn<Row>[];
  readonly label: ReactNode;
  readonly cells: Readonly<Record<string, ReactNode>> | undefined;
  readonly hasMenu: boolean;
  readonly onActivate: (item: GridItem<Row>) => void;
}

/** The head line of a group: a plain word with a count, or cells of its own that open and close. */
export function GroupLine<Row>({ item, cells, label, columns, hasMenu, onActivate, ...line }: GroupProps<Row>) {
  if (cells === undefined) {
    return (
      <div role="row" className="gg" style={place(line.start)} aria-rowindex={line.index + 2}>
        <div role="gridcell" aria-colspan={columns.length}>
          {label}
        </div>
      </div>
    );
  }
  return (
    <div
      role="row"
      className="gg cells"
      style={place(line.start)}
      data-key={line.lineKey}
      aria-rowindex={line.index + 2}
      aria-expanded={item.isOpen}
      tabIndex={line.isCurrent ? 0 : -1}
      onClick={() => onActivate(item)}
    >
      {columns.map((column) => (
        <div key={column.id} role="gridcell" className={column.align === 'right' ? 'r' : ''}>
          {cells[column.id]}
        </div>
      ))}
      {hasMenu && <div role="gridcell" />}
    </div>
  );
}

interface DetailProps extends Omit<LineProps, 'isCurrent' | 'lineKey'> {
  readonly measure: (element: HTMLElement | null) => void;
  readonly span: number;
  readonly children: ReactNode;
}

/** What an opened row shows, as high as it needs. */
export function DetailLine({ index, start, measure, span, children }: DetailProps) {
  return (
    <div role="row" className="gx" ref={measure} data-index={index} style={place(start)} aria-rowindex={index + 2}>
      <div role="gridcell" aria-colspan={span}>
        {children}
      </div>
    </div>
  );
}
