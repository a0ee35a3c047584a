import { Link } from 'react-router';
import type { PlatformView } from '../../../shared/contract/engine/platforms.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { KeyValues } from '../../components/key-values.tsx';
import { SidePanel } from '../../components/side-panel.tsx';
import { Time } from '../../components/time.tsx';
import { useAppDispatch } from '../../store/store.ts';
import { runCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { useAllowed } from '../common/use-allowed.ts';
import { ServingClients } from './serving-clients.tsx';
import { TestSection } from './test-section.tsx';
import { usePlatformActions } from './platform-actions.ts';
import { PlatformState } from './platform-state.tsx';

/** One platform: its facts, its clients, a test. */
export function PlatformPanel({
  platform,
  onClose,
}: {
  readonly platform: PlatformView;
  readonly onClose: () => void;
}) {
  const { t, format } = useText();
  const dispatch = useAppDispatch();
  const disabled = useAllowed()('platforms.test');
  const actions = usePlatformActions()(platform);
  return (
    <SidePanel
      title={platform.name}
      chip={<PlatformState platform={platform} />}
      actions={actions.map((action) => <ActionButton key={action.id} action={action} />)}
      onClose={onClose}
    >
      <div className="scroll">
        <section className="sec">
          <KeyValues
            facts={[
              [t('platform.kind'), t(`platformKind.${platform.kind}`)],
              ...Object.entries(platform.settings).map(
                ([key, value]) =>
                  [
                    key,
                    <span key={key} className="mono">
                      {String(value)}
                    </span>,
                  ] as const,
              ),
              [
                t('rule.vms'),
                <Link key="vms" to="/objects">
                  {format.count(platform.objectCount)}
                </Link>,
              ],
              [
                t('platform.inventory'),
                platform.inventoryAt === null ? t('common.never') : <Time key="at" at={platform.inventoryAt} />,
              ],
              [t('client.lastError'), platform.lastError],
              [
                'UUID',
                <span key="uuid" className="mono">
                  {platform.uuid}
                </span>,
              ],
            ]}
          />
        </section>
        <section className="sec">
          <h3>{t('platform.clients')}</h3>
          <ServingClients clients={platform.clients} />
        </section>
        <TestSection
          key={platform.id}
          disabled={disabled}
          test={() => dispatch(runCommand('platforms.test', { platform: String(platform.id) }))}
        />
      </div>
    </SidePanel>
  );
}
