import { Link } from 'react-router';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { KeyValues } from '../../components/key-values.tsx';
import { SidePanel } from '../../components/side-panel.tsx';
import { Time } from '../../components/time.tsx';
import { useAppDispatch } from '../../store/store.ts';
import { runCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { useAllowed } from '../common/use-allowed.ts';
import { PoolFill } from '../repository/pool-pane.tsx';
import { ServingClients } from './serving-clients.tsx';
import { TestSection } from './test-section.tsx';
import { usePoolActions } from './pool-actions.ts';

/** One pool: its fill, its facts, its clients, a test. */
export function PoolPanel({ pool, onClose }: { readonly pool: PoolView; readonly onClose: () => void }) {
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
