import { IconKey, IconPencil } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { Link } from 'react-router';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import type { Action } from '../../components/action.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { KeyValues } from '../../components/key-values.tsx';
import { MoreButton } from '../../components/more-button.tsx';
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
import { PoolEditForm } from './pool-edit-form.tsx';
import { PoolKeysDialog } from './pool-keys-dialog.tsx';
import { poolWords } from './pool-words.ts';
import { PoolRepositories } from './pool-repositories.tsx';

/** One pool: its fill, its facts, its clients, a test. */
export function PoolPanel({ pool, onClose }: { readonly pool: PoolView; readonly onClose: () => void }) {
  const { t, format } = useText();
  const dispatch = useAppDispatch();
  const disabled = useAllowed()('pools.test');
  const actions = usePoolActions()(pool);
  const [open, setOpen] = useState<'edit' | 'keys'>();
  const close = () => setOpen(undefined);
  const edit: Action = {
    id: 'pools.edit',
    label: t('action.edit'),
    icon: IconPencil,
    shortcut: 'e',
    disabled: useAllowed()('pools.edit'),
    run: () => setOpen('edit'),
  };
  const keys: Action = {
    id: 'repositories.keys',
    label: t('action.passwords'),
    icon: IconKey,
    disabled: useAllowed()('repositories.addKey'),
    run: () => setOpen('keys'),
  };
  const isShared = pool.repositoryPer === 'pool';
  const nobody = t(poolWords[pool.repositoryPer].keeper);
  const maintainer = pool.clients.find(({ id }) => id === pool.maintenanceClientId)?.name ?? nobody;
  const repositoryId: [string, ReactNode] = [
    t('pool.repositoryId'),
    <span key="id" className="mono">
      {pool.repositoryId}
    </span>,
  ];
  if (open === 'edit') return <PoolEditForm key={pool.id} pool={pool} onClose={close} />;
  return (
    <SidePanel
      title={pool.name}
      below={<span className="mono">{pool.path}</span>}
      actions={
        <>
          {[edit, keys].map((action) => (
            <ActionButton key={action.id} action={action} />
          ))}
          <MoreButton title={pool.name} actions={actions} />
        </>
      }
      onClose={onClose}
    >
      {open === 'keys' && <PoolKeysDialog pool={pool} onClose={close} />}
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
              [t('pool.repositoryPer'), t(`pool.per.${pool.repositoryPer}`)],
              ...(isShared ? [repositoryId] : []),
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
          <h3>{t('pool.writing')}</h3>
          <KeyValues
            facts={[
              [t('pool.verifyWrites'), t(`verifyWrites.${pool.write.verifyWrites}`)],
              [t('pool.compression'), t(`compression.${pool.write.compression}`)],
              [t('pool.cell'), pool.write.cellBytes === null ? t('pool.cellAuto') : format.bytes(pool.write.cellBytes)],
              [
                t('pool.rate'),
                pool.write.maxBytesPerSecond === null ? t('pool.rateNone') : format.speed(pool.write.maxBytesPerSecond),
              ],
            ]}
          />
        </section>
        {!isShared && <PoolRepositories pool={pool} />}
        <section className="sec">
          <h3>{t('pool.clients')}</h3>
          <ServingClients clients={pool.clients} />
          <p className="help">{t('pool.maintainedBy', { client: maintainer })}</p>
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
