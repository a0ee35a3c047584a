import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useText } from '../../text/use-text.ts';
import type { GridColumn } from './grid-types.ts';
import { nextSort } from './use-sorted-rows.ts';

interface Props<Row> {
  readonly columns: readonly GridColumn<Row>[];
  readonly hasMenu: boolean;
  readonly sort: string;
  readonly onSort: (sort: string) => void;
}

/** The sticky head; a sortable column is a button. */
export function GridHead<Row>({ columns, hasMenu, sort, onSort }: Props<Row>) {
  const { t } = useText();
  const sortedId = sort.replace(/^-/u, '');
  const direction = sort.startsWith('-') ? 'descending' : 'ascending';
  const Arrow = direction === 'descending' ? IconArrowDown : IconArrowUp;
  return (
    <div role="rowgroup" style={{ position: 'sticky', top: 0, zIndex: 'var(--z-head)' }}>
      <div role="row" className="gh" aria-rowindex={1}>
        {columns.map((column) => {
          const isSorted = column.id === sortedId;
          return (
            <div
              key={column.id}
              role="columnheader"
              className={column.align === 'right' ? 'r' : ''}
              aria-sort={isSorted ? direction : undefined}
              title={column.headTitle}
            >
              {column.value === undefined ? (
                column.head
              ) : (
                <button type="button" onClick={() => onSort(nextSort(sort, column.id))}>
                  {column.head}
                  {isSorted && <Arrow className="ic xs" aria-hidden />}
                </button>
              )}
            </div>
          );
        })}
        {hasMenu && (
          <div role="columnheader" className="act">
            <span className="vh">{t('common.actions')}</span>
          </div>
        )}
      </div>
    </div>
  );
}
