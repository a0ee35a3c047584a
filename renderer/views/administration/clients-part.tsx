import { IconPlugConnected, IconUserQuestion } from '@tabler/icons-react';
import { useCallback } from 'react';
import type { ClientView } from '../../../shared/contract/engine/clients.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { DataGrid } from '../../components/grid/data-grid.tsx';
import { ExportMenu } from '../../components/grid/export-menu.tsx';
import { LinkTabs } from '../../components/link-tabs.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { type QueryState, useQueryState } from '../common/use-query-state.ts';
import { useGlobalActions } from '../frame/global-actions.ts';
import { AddClientDialog } from './add-client-dialog.tsx';
import { useClientActions } from './client-actions.ts';
import { useClientColumns } from './client-columns.tsx';
import { AuthorizePanel, ClientPanel } from './client-panel.tsx';
import { SshClientForm } from './ssh-client-form.tsx';

const noClients: readonly ClientView[] = [];
const idOf = (client: ClientView) => String(client.id);
const tabs = ['clients', 'unauthorized', 'removed'] as const;
type Tab = (typeof tabs)[number];

function tabOf(client: ClientView): Tab {
  if (client.state === 'removed') return 'removed';
  return client.authorized ? 'clients' : 'unauthorized';
}

function NoClients({ tab }: { readonly tab: Tab }) {
  const { t } = useText();
  const { howToAddClient } = useGlobalActions();
  if (tab === 'removed') return <EmptyState title={t('client.emptyRemoved')}>{t('client.emptyRemovedWhy')}</EmptyState>;
  const isWaiting = tab === 'unauthorized';
  return (
    <EmptyState
      icon={isWaiting ? IconUserQuestion : IconPlugConnected}
      title={t(isWaiting ? 'client.emptyUnauthorized' : 'client.empty')}
      action={<ActionButton action={howToAddClient} />}
    >
      {t(isWaiting ? 'client.emptyUnauthorizedWhy' : 'client.emptyWhy')}
    </EmptyState>
  );
}

function useTabs(query: QueryState, clients: readonly ClientView[]) {
  const { t } = useText();
  const counts = Map.groupBy(clients, tabOf);
  return tabs
    .filter((tab) => tab !== 'removed' || counts.has('removed'))
    .map((id) => {
      const count = counts.get(id)?.length ?? 0;
      const isWaiting = id === 'unauthorized' && count > 0;
      return {
        id,
        label: t(`client.tab.${id}`),
        to: query.link({ show: id === 'clients' ? null : id, client: null }),
        count: <span className={isWaiting ? 'badge warn' : 'cnt'}>{count}</span>,
      };
    });
}

/** Clients, those that wait, those that were removed; the chosen one beside them. */
export function ClientsPart() {
  const { t } = useText();
  const query = useQueryState();
  const { data, error, isLoading } = useEngine('clients.list', {});
  const all = data?.rows ?? noClients;
  const tab = tabs.find((one) => one === query.get('show')) ?? 'clients';
  const rows = all.filter((client) => tabOf(client) === tab);
  const columns = useClientColumns();
  const actions = useClientActions();
  const { howToAddClient, addSshClient } = useGlobalActions();
  const open = useCallback((client: ClientView) => query.set({ client: client.id }), [query]);
  const close = () => query.set({ client: null });
  const selected = rows.find((client) => client.id === query.getId('client'));
  const waiting = all.filter((client) => tabOf(client) === 'unauthorized').length;
  return (
    <>
      <PageHead title={t('place.clients')} line>
        <ActionButton action={addSshClient} />
        <ActionButton action={howToAddClient} />
      </PageHead>
      <div className="cols">
        <div className="main">
          <LinkTabs label={t('place.clients')} tabs={useTabs(query, all)} current={tab}>
            <span className="sp" />
            <ExportMenu name="clients" rows={rows} columns={columns} />
          </LinkTabs>
          {error !== undefined && data === undefined && (
            <div className="sec">
              <ErrorLine error={error} />
            </div>
          )}
          <DataGrid
            label={t(`client.tab.${tab}`)}
            rows={rows}
            columns={columns}
            idOf={idOf}
            nameOf={(row) => row.name}
            sort={query.get('sort') || 'name'}
            onSort={(sort) => query.set({ sort })}
            selectedId={selected === undefined ? undefined : idOf(selected)}
            onSelect={open}
            followFocus
            actions={actions}
            isLoading={isLoading}
            empty={<NoClients tab={tab} />}
          />
          <div className="tf">
            <span className="tn">{t('client.waitingCount', { count: waiting })}</span>
            <span className="tn">
              {t('client.authorizedCount', { count: all.filter((client) => tabOf(client) === 'clients').length })}
            </span>
            <span className="sp" />
            <span className="t3 el" title={t('client.foot')}>
              {t('client.foot')}
            </span>
          </div>
        </div>
        {query.get('form') === 'ssh' && <SshClientForm onClose={() => query.set({ form: null })} />}
        {selected !== undefined &&
          query.get('form') !== 'ssh' &&
          (tab === 'clients' ? (
            <ClientPanel client={selected} onClose={close} />
          ) : (
            <AuthorizePanel client={selected} onClose={close} />
          ))}
      </div>
      {query.get('form') === 'client' && <AddClientDialog onClose={() => query.set({ form: null })} />}
    </>
  );
}
