import { IconListDetails } from '@tabler/icons-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation, useNavigate, useParams } from 'react-router';
import type { TaskView } from '../../../shared/contract/engine/tasks.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { DataGrid } from '../../components/grid/data-grid.tsx';
import { ExportMenu } from '../../components/grid/export-menu.tsx';
import type { GridGroups } from '../../components/grid/grid-types.ts';
import { LinkTabs } from '../../components/link-tabs.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { toggled } from '../../components/toggled.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { offsetOf, Pager, pageSize } from '../common/pager.tsx';
import { useTaskActions } from '../common/task-actions.ts';
import { resourceOf } from '../common/task-words.ts';
import { type QueryState, useQueryState } from '../common/use-query-state.ts';
import { useGlobalActions } from '../frame/global-actions.ts';
import { useTaskColumns } from './task-columns.tsx';
import { TaskDetails } from './task-details.tsx';
import { groupOf, statesOf, taskGroups, taskTabs, toTaskTab } from './task-tabs.ts';

const noTasks: readonly TaskView[] = [];
const idOf = (task: TaskView) => String(task.id);

function Slots() {
  const { t } = useText();
  const slots = useEngine('system.get', {}).data?.slots;
  if (slots === undefined) return null;
  const percent = slots.limit === 0 ? 0 : Math.min(100, (slots.used / slots.limit) * 100);
  return (
    <div className="lim">
      <span>
        {t('task.allSlots')}{' '}
        <ProgressBar percent={percent} tone={percent >= 100 ? 'warn' : 'cap'} label={t('task.allSlots')} />
        <b>{t('task.slotsOf', { used: slots.used, limit: slots.limit })}</b>
      </span>
    </div>
  );
}

/** The tasks of the tab. One that was opened by its address is fetched by itself when it is not among them. */
function useTasks(query: QueryState) {
  const { id } = useParams();
  const state = statesOf(toTaskTab(query.get('show')));
  const object = query.get('object');
  const list = useEngine('tasks.list', {
    limit: pageSize,
    offset: offsetOf(query),
    ...(state === undefined ? {} : { state }),
    ...(object === '' ? {} : { object }),
  });
  const rows = list.data?.rows ?? noTasks;
  const isMissing = id !== undefined && list.data !== undefined && !rows.some((task) => String(task.id) === id);
  const one = useEngine('tasks.get', { task: id ?? '0' }, { skip: !isMissing });
  const extra = isMissing ? one.data : undefined;
  const all = useMemo(() => (extra === undefined ? rows : [extra, ...rows]), [extra, rows]);
  return { ...list, rows: all, asked: id, error: list.error ?? (isMissing ? one.error : undefined) };
}

/** Opened tasks: those a person opened, and the one of the address. */
function useOpenTasks(asked: string | undefined) {
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(asked === undefined ? [] : [asked]));
  const before = useRef(asked);
  useEffect(() => {
    if (asked !== undefined && asked !== before.current) setOpen((now) => new Set([...now, asked]));
    before.current = asked;
  }, [asked]);
  const isOpen = useCallback((task: TaskView) => open.has(idOf(task)), [open]);
  const toggle = useCallback((task: TaskView) => setOpen((now) => toggled(now, idOf(task))), []);
  return { isOpen, toggle };
}

function useTaskGroups(): GridGroups<TaskView> {
  const { t } = useText();
  return useMemo(
    () => ({
      keyOf: groupOf,
      order: taskGroups,
      label: (key, rows) => (
        <>
          {t(`taskGroup.${taskGroups.find((one) => one === key) ?? 'finished'}`)}
          <span className="cnt">{rows.length}</span>
        </>
      ),
    }),
    [t],
  );
}

function TaskList({ query }: { readonly query: QueryState }) {
  const { t } = useText();
  const navigate = useNavigate();
  const { rows, data, error, isLoading, asked } = useTasks(query);
  const { isOpen, toggle } = useOpenTasks(asked);
  const columns = useTaskColumns(isOpen);
  const actions = useTaskActions();
  const groups = useTaskGroups();
  const detail = useMemo(
    () => ({ isOpen, toggle, render: (task: TaskView) => <TaskDetails task={task} /> }),
    [isOpen, toggle],
  );
  const { search } = useLocation();
  const open = useCallback(
    (task: TaskView) => void navigate(`/tasks/${task.id}${search}`, { replace: true }),
    [navigate, search],
  );
  return (
    <>
      {error !== undefined && (
        <div className="sec">
          <ErrorLine error={error} />
        </div>
      )}
      <DataGrid
        label={t('place.tasks')}
        rows={rows}
        columns={columns}
        idOf={idOf}
        nameOf={(row) => `${row.id} ${resourceOf(row) ?? ''}`}
        sort={query.get('sort') || '-id'}
        onSort={(sort) => query.set({ sort })}
        selectedId={asked}
        onSelect={open}
        actions={actions}
        groups={groups}
        detail={detail}
        isLoading={isLoading}
        empty={
          <EmptyState icon={IconListDetails} title={t('task.empty')}>
            {t('task.emptyWhy')}
          </EmptyState>
        }
      />
      <div className="tf">
        {data !== undefined && <Pager query={query} shown={data.rows.length} total={data.total} />}
        <span className="sp" />
        <span className="t3">{t('task.live')}</span>
      </div>
    </>
  );
}

function useTabs(query: QueryState) {
  const { t } = useText();
  const system = useEngine('system.get', {}).data;
  const counts: Partial<Record<(typeof taskTabs)[number], number>> =
    system === undefined
      ? {}
      : { running: system.slots.used, waiting: system.slots.waiting, failed: system.unseenErrors };
  return taskTabs.map((id) => {
    const count = counts[id] ?? 0;
    const badge = count === 0 ? null : <span className={id === 'failed' ? 'badge fail' : 'cnt'}>{count}</span>;
    return {
      id,
      label: t(`task.tab.${id}`),
      to: `/tasks${query.link({ show: id === 'all' ? null : id, offset: null })}`,
      count: badge,
    };
  });
}

/** What needs a person, what runs, what waits, what is done. */
export function TasksView() {
  const { t } = useText();
  const query = useQueryState();
  const { rows } = useTasks(query);
  const { markAllSeen } = useGlobalActions();
  const columns = useTaskColumns(() => false);
  const unseen = useEngine('system.get', {}).data?.unseenErrors ?? 0;
  return (
    <>
      <PageHead title={t('place.tasks')} facts={<Slots />}>
        {unseen > 0 && <ActionButton action={markAllSeen} />}
      </PageHead>
      <LinkTabs label={t('place.tasks')} tabs={useTabs(query)} current={toTaskTab(query.get('show'))}>
        <span className="sp" />
        <ExportMenu name="tasks" rows={rows} columns={columns} />
      </LinkTabs>
      <TaskList query={query} />
    </>
  );
}
