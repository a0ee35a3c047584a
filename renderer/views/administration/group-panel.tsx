import { Link } from 'react-router';
import type { GroupView } from '../../../shared/contract/engine/groups.ts';
import { noGroupId } from '../../../shared/model/group.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { KeyValues } from '../../components/key-values.tsx';
import { SidePanel } from '../../components/side-panel.tsx';
import { State } from '../../components/state.tsx';
import { useText } from '../../text/use-text.ts';
import { clientLook } from '../common/client-state.ts';
import { useGroupActions } from './group-actions.ts';

function Members({ clients }: Pick<GroupView, 'clients'>) {
  const { t } = useText();
  if (clients.length === 0) return <p className="s12 t2">{t('group.noClient')}</p>;
  return (
    <ul>
      {clients.map((client) => (
        <li key={client.id} className="row" style={{ justifyContent: 'space-between' }}>
          <Link className="el" to={`/administration/clients?client=${client.id}`}>
            {client.name}
          </Link>
          <State {...clientLook(client.state)}>{t(`clientState.${client.state}`)}</State>
        </li>
      ))}
    </ul>
  );
}

/** One client group: its clients, the pools that keep a repository for it. */
export function GroupPanel({ group, onClose }: { readonly group: GroupView; readonly onClose: () => void }) {
  const { t } = useText();
  const actions = useGroupActions()(group);
  return (
    <SidePanel
      title={group.name}
      actions={actions.map((action) => <ActionButton key={action.id} action={action} />)}
      onClose={onClose}
    >
      <div className="scroll">
        <section className="sec">
          <KeyValues
            facts={[
              [t('group.number'), group.id],
              [t('group.description'), group.description],
              [t('group.pools'), group.pools.join(', ')],
              [
                'UUID',
                group.id === noGroupId ? null : (
                  <span key="uuid" className="mono">
                    {group.uuid}
                  </span>
                ),
              ],
            ]}
          />
        </section>
        <section className="sec">
          <h3>{t('group.clients')}</h3>
          <Members clients={group.clients} />
          <p className="help">{t(group.id === noGroupId ? 'group.noneHelp' : 'group.help')}</p>
        </section>
      </div>
    </SidePanel>
  );
}
