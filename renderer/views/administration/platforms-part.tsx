import { IconBox, IconTrash } from '@tabler/icons-react';
import { useCallback, useMemo } from 'react';
import { Link } from 'react-router';
import type { PlatformView } from '../../../shared/contract/engine/platforms.ts';
import { ActionButton } from '../../components/action-button.tsx';
import type { Action } from '../../components/action.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { DataGrid } from '../../components/grid/data-grid.tsx';
import type { GridColumn } from '../../components/grid/grid-types.ts';
import { KeyValues } from '../../components/key-values.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { SidePanel } from '../../components/side-panel.tsx';
import { State } from '../../components/state.tsx';
import { Age, Time } from '../../components/time.tsx';
import { useAppDispatch } from '../../store/store.ts';
import { runCommand } from '../../store/use-command.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from '../common/dialog-host.tsx';
import { useAllowed } from '../common/use-allowed.ts';
import { useQueryState } from '../common/use-query-state.ts';
import { useTry } from '../common/use-run.ts';
import { useGlobalActions } from '../frame/global-actions.ts';
import { PlatformForm } from './platform-form.tsx';
import { ServingClients } from './serving-clients.tsx';
import { TestSection } from './test-section.tsx';

const none: readonly PlatformView[] = [];
const idOf = (platform: PlatformView) => String(platform.id);

function PlatformState({ platform }: { readonly platform: PlatformView }) {
  const { t } = useText();
  if (platform.lastError !== null)
    return (
      <State tone="failed" title={platform.lastError}>
        {t('platform.unread')}
      </State>
    );
  if (!platform.clients.some(({ state }) => state === 'online'))
    return <State tone="degraded">{t('platform.noOnline')}</State>;
  return <State tone="copied">{t('platform.read')}</State>;
}

function usePlatformColumns(): GridColumn<PlatformView>[] {
  const { t, format } = useText();
  return useMemo(
    (): GridColumn<PlatformView>[] => [
      {
        id: 'name',
        head: t('platform.name'),
        width: 160,
        grow: 1,
        priority: 0,
        value: (row) => row.name,
        cell: (row) => (
          <span className="b5" title={row.name}>
            {row.name}
          </span>
        ),
      },
      {
        id: 'kind',
        head: t('platform.kind'),
        width: 140,
        priority: 2,
        value: (row) => row.kind,
        cell: (row) => <span className="t2">{t(`platformKind.${row.kind}`)}</span>,
      },
      {
        id: 'state',
        head: t('objects.state'),
        width: 150,
        priority: 0,
        value: (row) => row.lastError,
        cell: (row) => <PlatformState platform={row} />,
      },
      {
        id: 'clients',
        head: t('platform.clients'),
        width: 140,
        grow: 1,
        priority: 3,
        cell: (row) => <span className="t2">{row.clients.map(({ name }) => name).join(', ')}</span>,
      },
      {
        id: 'objects',
        head: t('rule.vms'),
        width: 84,
        align: 'right',
        priority: 1,
        value: (row) => row.objectCount,
        cell: (row) => <span className="tn">{format.count(row.objectCount)}</span>,
      },
      {
        id: 'inventoryAt',
        head: t('platform.inventory'),
        width: 110,
        align: 'right',
        priority: 4,
        value: (row) => row.inventoryAt,
        cell: (row) =>
          row.inventoryAt === null ? (
            <span className="t3">{t('common.never')}</span>
          ) : (
            <span className="t2">
              <Age at={row.inventoryAt} />
            </span>
          ),
      },
    ],
    [t, format],
  );
}

function usePlatformActions(): (platform: PlatformView) => Action[] {
  const { t, format } = useText();
  const allowed = useAllowed();
  const attempt = useTry();
  const { ask } = useDialogs();
  return useCallback(
    (platform: PlatformView): Action[] => [
      {
        id: 'platforms.remove',
        label: t('action.remove'),
        icon: IconTrash,
        shortcut: 'Del',
        danger: true,
        disabled: allowed('platforms.remove'),
        run: () =>
          ask({
            title: t('confirm.removePlatform.title', { name: platform.name }),
            text: t('confirm.removePlatform.text'),
            facts: [
              [t('rule.vms'), format.count(platform.objectCount)],
              [t('confirm.points'), t('confirm.removePlatform.points')],
            ],
            verb: t('confirm.removePlatform.verb'),
            confirm: () => attempt('platforms.remove', { platform: String(platform.id) }),
          }),
      },
    ],
    [t, format, allowed, attempt, ask],
  );
}

function PlatformPanel({ platform, onClose }: { readonly platform: PlatformView; readonly onClose: () => void }) {
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

/** Platforms: what they are, who reaches them, whether they could be read. */
export function PlatformsPart() {
  const { t } = useText();
  const query = useQueryState();
  const { data, error, isLoading } = useEngine('platforms.list', {});
  const rows = data?.rows ?? none;
  const actions = usePlatformActions();
  const { addPlatform } = useGlobalActions();
  const add: Action = { ...addPlatform, run: () => query.set({ form: 'platform', platform: null }) };
  const open = useCallback((platform: PlatformView) => query.set({ platform: platform.id, form: null }), [query]);
  const selected = rows.find((platform) => platform.id === query.getId('platform'));
  return (
    <>
      <PageHead title={t('place.platforms')} line>
        <ActionButton action={add} primary={query.get('form') === ''} />
      </PageHead>
      <div className="cols">
        <div className="main">
          {error !== undefined && data === undefined && (
            <div className="sec">
              <ErrorLine error={error} />
            </div>
          )}
          <DataGrid
            label={t('place.platforms')}
            rows={rows}
            columns={usePlatformColumns()}
            idOf={idOf}
            nameOf={(row) => row.name}
            sort={query.get('sort') || 'name'}
            onSort={(sort) => query.set({ sort })}
            selectedId={query.get('platform') || undefined}
            onSelect={open}
            followFocus
            actions={actions}
            isLoading={isLoading}
            empty={
              <EmptyState icon={IconBox} title={t('platform.empty')} action={<ActionButton action={add} />}>
                {t('platform.emptyWhy')}
              </EmptyState>
            }
          />
        </div>
        {query.get('form') === 'platform' ? (
          <PlatformForm onClose={() => query.set({ form: null })} />
        ) : (
          selected !== undefined && <PlatformPanel platform={selected} onClose={() => query.set({ platform: null })} />
        )}
      </div>
    </>
  );
}
