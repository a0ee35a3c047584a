import { useNavigate } from 'react-router';
import type { ObjectView } from '../../../shared/contract/engine/objects.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { KeyValues } from '../../components/key-values.tsx';
import { LinkTabs } from '../../components/link-tabs.tsx';
import { SidePanel } from '../../components/side-panel.tsx';
import { Age, Time } from '../../components/time.tsx';
import { useText } from '../../text/use-text.ts';
import { useObjectActions } from '../common/object-actions.ts';
import { sizeOf } from '../common/object-state.ts';
import { ObjectStateCell } from '../common/object-state-cell.tsx';
import type { QueryState } from '../common/use-query-state.ts';
import { ObjectBackups } from './object-backups.tsx';
import { FrozenChip, StaleChip } from './object-columns.tsx';
import { ObjectRules } from './object-rules.tsx';

const tabs = ['overview', 'rules', 'backups'] as const;
type Tab = (typeof tabs)[number];

function Overview({ object }: { readonly object: ObjectView }) {
  const { t, format } = useText();
  return (
    <div className="scroll">
      <section className="sec">
        <KeyValues
          facts={[
            [
              t('objects.lastPoint'),
              object.lastBackupAt === null ? (
                t('common.never')
              ) : (
                <>
                  <Time at={object.lastBackupAt} /> (<Age at={object.lastBackupAt} />)
                </>
              ),
            ],
            [t('objects.points'), format.count(object.backupCount)],
            [t('objects.platform'), `${object.platform} (${object.platformKind})`],
            [t('objects.power'), t(`vmState.${object.state}`)],
            [t('objects.guestAgent'), t(`guestAgent.${object.guestAgent}`)],
            [
              t('objects.frozenSince'),
              object.frozenSince === null ? null : <Time key="frozen" at={object.frozenSince} />,
            ],
            [
              'UUID',
              <span key="uuid" className="mono">
                {object.uuid}
              </span>,
            ],
          ]}
        />
      </section>
      <section className="sec">
        <h3>
          {t('objects.disks')}
          <span className="cnt">{object.disks.length}</span>
          <span className="sp" />
          <span className="cnt tn">{format.bytes(sizeOf(object))}</span>
        </h3>
        <table className="mini">
          <thead>
            <tr>
              <th>{t('objects.disk')}</th>
              <th>{t('objects.format')}</th>
              <th className="r">{t('objects.size')}</th>
            </tr>
          </thead>
          <tbody>
            {object.disks.map((disk) => (
              <tr key={disk.id}>
                <td className="mono wrap">{disk.id}</td>
                <td className="t2">{disk.format}</td>
                <td className="r tn" title={format.exactBytes(disk.sizeBytes)}>
                  {format.bytes(disk.sizeBytes)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}

/** The panel of a VM: state, actions, overview, rules, points. */
export function ObjectPanel({ object, query }: { readonly object: ObjectView; readonly query: QueryState }) {
  const { t, format } = useText();
  const navigate = useNavigate();
  const actions = useObjectActions()(object);
  const asked = query.get('tab');
  const current: Tab = tabs.find((tab) => tab === asked) ?? 'overview';
  const counts: Record<Tab, number | undefined> = {
    overview: undefined,
    rules: object.rules.length,
    backups: object.backupCount,
  };
  // One "Run now" in the head; rules beyond the first have theirs in the tab Rules.
  const first =
    object.rules.length === 0
      ? actions.find(({ id }) => id === 'rules.add')
      : actions.find(({ id }) => id.startsWith('rules.run'));
  const heads = actions.filter(
    (action) => action === first || action.id === 'backups.restore' || action.id === 'objects.thaw',
  );
  return (
    <SidePanel
      title={object.name}
      chip={
        <>
          <ObjectStateCell object={object} asChip />
          {object.stale && <StaleChip />}
          {object.frozenSince !== null && <FrozenChip since={object.frozenSince} />}
        </>
      }
      below={
        <>
          {object.platform}{' '}
          <span className="mono" style={{ marginLeft: 6, fontSize: 11.5 }}>
            {object.uuid}
          </span>
        </>
      }
      actions={heads.map((action) => (
        <ActionButton key={action.id} action={action}>
          {action.id.startsWith('rules.run') ? t('action.runNow') : action.label}
        </ActionButton>
      ))}
      onClose={() => query.set({ vm: null, tab: null })}
    >
      <LinkTabs
        label={object.name}
        current={current}
        tabs={tabs.map((tab) => {
          const count = counts[tab];
          return {
            id: tab,
            label: t(`objects.tab.${tab}`),
            to: query.link({ tab }),
            count: count === undefined ? null : <span className="cnt">{format.count(count)}</span>,
          };
        })}
      />
      {current === 'overview' && <Overview object={object} />}
      {current === 'rules' && (
        <ObjectRules
          object={object}
          onNew={() => void navigate(`/schedule?rule=new&platform=${object.platformId}&objects=${object.id}`)}
        />
      )}
      {current === 'backups' && <ObjectBackups object={object} />}
    </SidePanel>
  );
}
