import { IconAlertTriangle, IconCircleX, IconInfoCircle } from '@tabler/icons-react';
import { useMemo } from 'react';
import { Link } from 'react-router';
import type { LogEntry } from '../../../shared/contract/engine/logs.ts';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { State } from '../../components/state.tsx';
import { Time } from '../../components/time.tsx';
import { useText } from '../../text/use-text.ts';

const looks = {
  info: { tone: 'idle', icon: IconInfoCircle },
  warning: { tone: 'degraded', icon: IconAlertTriangle },
  error: { tone: 'failed', icon: IconCircleX },
} as const;

/** Columns of the log. */
export function useLogColumns(): GridColumn<LogEntry>[] {
  const { t } = useText();
  return useMemo(
    (): GridColumn<LogEntry>[] => [
      {
        id: 'at',
        head: t('log.time'),
        width: 132,
        priority: 0,
        value: (row) => row.at,
        cell: (row) => <Time at={row.at} />,
      },
      {
        id: 'level',
        head: t('log.level'),
        width: 118,
        priority: 0,
        value: (row) => row.level,
        cell: (row) => <State {...looks[row.level]}>{t(`logLevel.${row.level}`)}</State>,
      },
      {
        id: 'message',
        head: t('log.message'),
        width: 320,
        grow: 4,
        priority: 0,
        value: (row) => row.message,
        cell: (row) => <span title={row.message}>{row.message}</span>,
      },
      {
        id: 'code',
        head: t('log.code'),
        width: 150,
        priority: 3,
        value: (row) => row.code,
        cell: (row) => <span className="mono t2">{row.code}</span>,
      },
      {
        id: 'source',
        head: t('log.source'),
        width: 84,
        priority: 4,
        value: (row) => row.source,
        cell: (row) => <span className="t2">{row.source}</span>,
      },
      {
        id: 'client',
        head: t('rule.client'),
        width: 120,
        priority: 5,
        value: (row) => row.client,
        cell: (row) => <span className="t2">{row.client}</span>,
      },
      {
        id: 'user',
        head: t('log.user'),
        width: 96,
        priority: 6,
        value: (row) => row.user,
        cell: (row) => <span className="t2">{row.user}</span>,
      },
      {
        id: 'task',
        head: t('task.task'),
        width: 76,
        align: 'right',
        priority: 2,
        value: (row) => row.taskId,
        cell: (row) =>
          row.taskId !== null && (
            <Link className="mono" to={`/tasks/${row.taskId}`}>
              {row.taskId}
            </Link>
          ),
      },
    ],
    [t],
  );
}
