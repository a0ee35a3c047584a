import { IconDeviceFloppy } from '@tabler/icons-react';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useGlobalActions } from '../frame/global-actions.ts';
import { usePoolActions } from './pool-actions.ts';
import { usePoolColumns } from './pool-columns.tsx';
import { PoolForm } from './pool-form.tsx';
import { PoolPanel } from './pool-panel.tsx';
import { RecordPart } from './record-part.tsx';

/** Pools: where backups go, who reaches them, how full they are. */
export function PoolsPart() {
  const { t } = useText();
  const { data, error, isLoading } = useEngine('pools.list', {});
  const { addPool } = useGlobalActions();
  return (
    <RecordPart
      kind="pool"
      title={t('place.pools')}
      icon={IconDeviceFloppy}
      emptyTitle={t('pool.empty')}
      emptyWhy={t('pool.emptyWhy')}
      answer={{ error, isLoading }}
      rows={data?.rows}
      columns={usePoolColumns()}
      actions={usePoolActions()}
      add={addPool}
      form={(onClose) => <PoolForm onClose={onClose} />}
      panel={(pool, onClose) => <PoolPanel pool={pool} onClose={onClose} />}
    />
  );
}
