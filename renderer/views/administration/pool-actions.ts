import { IconCut, IconDatabaseImport, IconListSearch, IconShieldCheck, IconTrash } from '@tabler/icons-react';
import { useCallback } from 'react';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import type { Action } from '../../components/action.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from '../common/dialog-host.tsx';
import { useAllowed } from '../common/use-allowed.ts';
import { useRun, useTry } from '../common/use-run.ts';

/** What can be done with a pool. */
export function usePoolActions(): (pool: PoolView) => Action[] {
  const { t, format } = useText();
  const allowed = useAllowed();
  const attempt = useTry();
  const { ask } = useDialogs();
  const maintain = useMaintenance();
  const rules = useEngine('rules.list', {}).data?.rows;
  return useCallback(
    (pool: PoolView): Action[] => {
      const users = (rules ?? []).filter(({ poolId }) => poolId === pool.id).map(({ name }) => name);
      return [
        ...maintain(pool),
        {
          id: 'pools.remove',
          startsGroup: true,
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
    [t, format, allowed, attempt, ask, rules, maintain],
  );
}

/** Check and prune. */
function useMaintenance(): (pool: PoolView) => Action[] {
  const { t } = useText();
  const allowed = useAllowed();
  const run = useRun();
  const attempt = useTry();
  const { ask, tell } = useDialogs();
  const adopt = useCallback(
    async (pool: PoolView) => {
      const found = await run(t('failed.adopt'), 'repositories.adopt', { pool: String(pool.id) });
      if (found === undefined) return;
      const silent = found.unanswered.map(({ client, group, place }) => client ?? group ?? place);
      const missing = silent.length === 0 ? '' : ` ${t('pool.unanswered', { clients: silent.join(', ') })}`;
      tell(t('pool.adopted', { ...found, count: found.adopted }) + missing);
    },
    [t, run, tell],
  );
  return useCallback(
    (pool: PoolView): Action[] => {
      const named = { pool: String(pool.id) };
      return [
        {
          id: 'repositories.check',
          label: t('action.check'),
          icon: IconShieldCheck,
          disabled: allowed('repositories.check'),
          run: () => void run(t('failed.check'), 'repositories.check', { ...named, readPercent: 0 }),
        },
        {
          id: 'repositories.checkData',
          label: t('action.checkData'),
          icon: IconListSearch,
          disabled: allowed('repositories.check'),
          run: () => void run(t('failed.check'), 'repositories.check', { ...named, readPercent: 100 }),
        },
        {
          id: 'repositories.adopt',
          label: t('action.adopt'),
          icon: IconDatabaseImport,
          disabled: allowed('repositories.adopt'),
          run: () => void adopt(pool),
        },
        {
          id: 'repositories.prune',
          label: t('action.prune'),
          icon: IconCut,
          disabled: allowed('repositories.prune'),
          run: () =>
            ask({
              title: t('confirm.prune.title', { name: pool.name }),
              text: t('confirm.prune.text'),
              facts: [[t('pool.path'), pool.path]],
              verb: t('confirm.prune.verb'),
              confirm: () => attempt('repositories.prune', named),
            }),
        },
      ];
    },
    [t, allowed, run, attempt, ask, adopt],
  );
}
