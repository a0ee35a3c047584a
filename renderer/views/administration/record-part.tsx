import type { Icon } from '@tabler/icons-react';
import { type ReactNode, useCallback } from 'react';
import { ActionButton } from '../../components/action-button.tsx';
import type { Action } from '../../components/action.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { DataGrid } from '../../components/grid/data-grid.tsx';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { PageHead } from '../../components/page-head.tsx';
import type { useEngine } from '../../store/use-engine.ts';
import { useQueryState } from '../common/use-query-state.ts';

const none: readonly never[] = [];

interface NamedRow {
  readonly id: number;
  readonly name: string;
}

interface Props<Row extends NamedRow> {
  /** Parameter of the address that holds the selected number, and the name of the form that adds one. */
  readonly kind: 'group' | 'platform' | 'pool';
  readonly title: string;
  readonly icon: Icon;
  readonly emptyTitle: string;
  readonly emptyWhy: string;
  readonly answer: Pick<
    ReturnType<typeof useEngine<'groups.list' | 'platforms.list' | 'pools.list'>>,
    'error' | 'isLoading'
  >;
  /** undefined until the engine has answered. */
  readonly rows: readonly Row[] | undefined;
  readonly columns: GridColumn<Row>[];
  readonly actions: (row: Row) => Action[];
  readonly add: Action;
  readonly form: (onClose: () => void) => ReactNode;
  readonly panel: (row: Row, onClose: () => void) => ReactNode;
}

/** A part of Administration that is one list of records: its head, the grid, the form that adds one, the panel of one. */
export function RecordPart<Row extends NamedRow>({ kind, rows, add, actions, answer, ...part }: Props<Row>) {
  const query = useQueryState();
  const open = useCallback((row: Row) => query.set({ [kind]: row.id, form: null }), [query, kind]);
  const close = () => query.set({ [kind]: null });
  const selected = rows?.find((row) => row.id === query.getId(kind));
  return (
    <>
      <PageHead title={part.title} line>
        <ActionButton action={add} primary={query.get('form') === ''} />
      </PageHead>
      <div className="cols">
        <div className="main">
          {answer.error !== undefined && rows === undefined && (
            <div className="sec">
              <ErrorLine error={answer.error} />
            </div>
          )}
          <DataGrid
            label={part.title}
            rows={rows ?? none}
            columns={part.columns}
            idOf={(row) => String(row.id)}
            nameOf={(row) => row.name}
            sort={query.get('sort') || 'name'}
            onSort={(sort) => query.set({ sort })}
            selectedId={query.get(kind) || undefined}
            onSelect={open}
            followFocus
            actions={actions}
            isLoading={answer.isLoading}
            empty={
              <EmptyState icon={part.icon} title={part.emptyTitle} action={<ActionButton action={add} />}>
                {part.emptyWhy}
              </EmptyState>
            }
          />
        </div>
        {query.get('form') === kind
          ? part.form(() => query.set({ form: null }))
          : selected !== undefined && part.panel(selected, close)}
      </div>
    </>
  );
}
