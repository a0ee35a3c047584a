import { IconDeviceFloppy, IconTrash } from '@tabler/icons-react';
import { useCallback, useMemo } from 'react';
import { Link } from 'react-router';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import { ActionButton } from '../../components/action-button.tsx';
import type { Action } from '../../components/action.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { DataGrid } from '../../components/grid/data-grid.tsx';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { KeyValues } from '../../components/key-values.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { SidePanel } from '../../components/side-panel.tsx';
import { Time } from '../../components/time.tsx';
import { useAppDispatch } from '../../store/store.ts';
import { runCommand } from '../../store/use-command.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from '../common/dialog-host.tsx';
import { useAllowed } from '../common/use-allowed.ts';
import { useQueryState } from '../common/use-query-state.ts';
import { useTry } from '../common/use-run.ts';
import { useGlobalActions } from '../frame/global-actions.ts';
import { PoolFill } from '../repository/pool-pane.tsx';
import { PoolForm } from './pool-form.tsx';
import { ServingClients } from './serving-clients.tsx';
import { TestSection } from './test-section.tsx';

const none: readonly PoolView[] = [];
const idOf = (pool: PoolView) => String(pool.id);

function Size({ bytes }: { readonly bytes: number | null }) {
  const { t, format } = useText();
  if (bytes === null) return <span className="t3">{t('common.unknown')}</span>;
  return (
    <span className="tn" title={format.exactBytes(bytes)}>
      {format.bytes(bytes)}
    </span>
  );
}

function usePoolColumns(): GridColumn<PoolView>[] {
  const { t, format } = useText();
  return useMemo(
    (): GridColumn<PoolView>[] => [
      {
        id: 'name',
        head: t('pool.name'),
        width: 140,
        grow: 1,
        priority: 0,
        value: (row) => row.name,
        cell: (row) => (
          <span className="b5" title={row.name}>
            {row.name}
          </span>
        ),
      },
      {
        id: 'kind',
        head: t('pool.kind'),
        width: 96,
        priority: 5,
        value: (row) => row.kind,
        cell: (row) => <span className="t2">{t(`poolKind.${row.kind}`)}</span>,
      },
      {
        id: 'path',
        head: t('pool.path'),
        width: 180,
        grow: 2,
        priority: 2,
        value: (row) => row.path,
        cell: (row) => (
          <span className="mono" title={row.path}>
            {row.path}
          </span>
        ),
      },
      {
        id: 'clients',
        head: t('pool.clients'),
        width: 130,
        grow: 1,
        priority: 4,
        cell: (row) => <span className="t2">{row.clients.map(({ name }) => name).join(', ')}</span>,
      },
      {
        id: 'backups',
        head: t('objects.points'),
        width: 76,
        align: 'right',
        priority: 3,
        value: (row) => row.backupCount,
        cell: (row) => (
          <Link className="tn" to={`/repository?pool=${row.id}`}>
            {format.count(row.backupCount)}
          </Link>
        ),
      },
      {
        id: 'stored',
        head: t('backup.stored'),
        width: 92,
        align: 'right',
        priority: 1,
        value: (row) => row.storedBytes,
        cell: (row) => <Size bytes={row.storedBytes} />,
      },
      {
        id: 'free',
        head: t('pool.free'),
        width: 92,
        align: 'right',
        priority: 0,
        value: (row) => row.freeBytes,
        cell: (row) => <Size bytes={row.freeBytes} />,
      },
    ],
    [t, format],
  );
}

function usePoolActions(): (pool: PoolView) => Action[] {
  const { t, format } = useText();
  const allowed = useAllowed();
  const attempt = useTry();
  const { ask } = useDialogs();
  const rules = useEngine('rules.list', {}).data?.rows;
  return useCallback(
    (pool: PoolView): Action[] => {
      const users = (rules ?? []).filter(({ poolId }) => poolId === pool.id).map(({ name }) => name);
      return [
        {
          id: 'pools.remove',
          label: t('action.remove'),
          icon: IconTrash,
          shortcut: 'Del',
          danger: true,
          disabled:
            users.length > 0 ? t('reason.poolInUse', { rules: users.slice(0, 3).join(', ') }) : allowed('pools.remove'),
          run: () =>
            ask({
              title: t('confirm.removePool.title', { name: pool.name }),
              text: t('confirm.removePool.text'),
              facts: [
                [t('pool.path'), pool.path],
                [t('objects.points'), `${format.count(pool.backupCount)}, ${format.bytes(pool.storedBytes)}`],
                [t('confirm.files'), t('confirm.removePool.files')],
                [t('confirm.back'), t('confirm.removePool.back')],
              ],
              verb: t('confirm.removePool.verb'),
              confirm: () => attempt('pools.remove', { pool: String(pool.id) }),
            }),
        },
      ];
    },
    [t, format, allowed, attempt, ask, rules],
  );
}

function PoolPanel({ pool, onClose }: { readonly pool: PoolView; readonly onClose: () => void }) {
  const { t, format } = useText();
  const dispatch = useAppDispatch();
  const disabled = useAllowed()('pools.test');
  const actions = usePoolActions()(pool);
  return (
    <SidePanel
      title={pool.name}
      below={<span className="mono">{pool.path}</span>}
      actions={actions.map((action) => <ActionButton key={action.id} action={action} />)}
      onClose={onClose}
    >
      <div className="scroll">
        <section className="sec">
          <h3>{t('pool.capacity')}</h3>
          <div className="pool" style={{ padding: 0, border: 0 }}>
            <PoolFill pool={pool} />
          </div>
        </section>
        <section className="sec">
          <KeyValues
            facts={[
              [t('pool.kind'), t(`poolKind.${pool.kind}`)],
              [
                t('objects.points'),
                <Link key="points" to={`/repository?pool=${pool.id}`}>
                  {format.count(pool.backupCount)}
                </Link>,
              ],
              [t('rule.vms'), format.count(pool.objectCount)],
              [t('backup.stored'), format.bytes(pool.storedBytes)],
              [t('task.created'), <Time key="at" at={pool.createdAt} />],
              [
                t('pool.repositoryId'),
                <span key="id" className="mono">
                  {pool.repositoryId}
                </span>,
              ],
              [
                'UUID',
                <span key="uuid" className="mono">
                  {pool.uuid}
                </span>,
              ],
            ]}
          />
        </section>
        <section className="sec">
          <h3>{t('pool.clients')}</h3>
          <ServingClients clients={pool.clients} />
        </section>
        <TestSection
          key={pool.id}
          disabled={disabled}
          test={() => dispatch(runCommand('pools.test', { pool: String(pool.id) }))}
        />
      </div>
    </SidePanel>
  );
}

/** Pools: where backups go, who reaches them, how full they are. */
export function PoolsPart() {
  const { t } = useText();
  const query = useQueryState();
  const { data, error, isLoading } = useEngine('pools.list', {});
  const rows = data?.rows ?? none;
  const actions = usePoolActions();
  const { addPool } = useGlobalActions();
  const open = useCallback((pool: PoolView) => query.set({ pool: pool.id, form: null }), [query]);
  const selected = rows.find((pool) => pool.id === query.getId('pool'));
  return (
    <>
      <PageHead title={t('place.pools')} line>
        <ActionButton action={addPool} primary={query.get('form') === ''} />
      </PageHead>
      <div className="cols">
        <div className="main">
          {error !== undefined && data === undefined && (
            <div className="sec">
              <ErrorLine error={error} />
            </div>
          )}
          <DataGrid
            label={t('place.pools')}
            rows={rows}
            columns={usePoolColumns()}
            idOf={idOf}
            nameOf={(row) => row.name}
            sort={query.get('sort') || 'name'}
            onSort={(sort) => query.set({ sort })}
            selectedId={query.get('pool') || undefined}
            onSelect={open}
            followFocus
            actions={actions}
            isLoading={isLoading}
            empty={
              <EmptyState icon={IconDeviceFloppy} title={t('pool.empty')} action={<ActionButton action={addPool} />}>
                {t('pool.emptyWhy')}
              </EmptyState>
            }
          />
        </div>
        {query.get('form') === 'pool' ? (
          <PoolForm onClose={() => query.set({ form: null })} />
        ) : (
          selected !== undefined && <PoolPanel pool={selected} onClose={() => query.set({ pool: null })} />
        )}
      </div>
    </>
  );
}
