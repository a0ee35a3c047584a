import { IconTrash } from '@tabler/icons-react';
import { useCallback } from 'react';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import type { Action } from '../../components/action.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from '../common/dialog-host.tsx';
import { useAllowed } from '../common/use-allowed.ts';
import { useTry } from '../common/use-run.ts';

/** What can be done with a pool. */
export function usePoolActions(): (pool: PoolView) => Action[] {
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
