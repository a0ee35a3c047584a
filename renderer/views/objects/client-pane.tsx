import { IconServer2 } from '@tabler/icons-react';
import { Link } from 'react-router';
import type { ClientView } from '../../../shared/contract/engine/clients.ts';
import { useNow } from '../../components/time.tsx';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { clientLook } from '../common/client-state.ts';
import type { QueryState } from '../common/use-query-state.ts';

function ClientLine({
  client,
  isHere,
  to,
}: {
  readonly client: ClientView;
  readonly isHere: boolean;
  readonly to: string;
}) {
  const { t, format } = useText();
  const now = useNow();
  const { tone, icon: Shown } = clientLook(client.state);
  const since =
    client.state === 'offline' && client.lastSeenAt !== null ? ` ${format.span(now - client.lastSeenAt)}` : '';
  return (
    <Link className="cl" to={to} aria-current={isHere ? 'true' : undefined}>
      <Shown className={`ic ${tone}`} aria-hidden />
      <span className="b5 el" title={client.name}>
        {client.name}
      </span>
      <span className={`s ${tone}`} title={client.lastSeenAt === null ? undefined : format.fullTime(client.lastSeenAt)}>
        {t(`clientState.${client.state}`)}
        {since}
      </span>
      <span className="d">
        <span className="mono el" title="HWID">
          {client.hwid}
        </span>
        {client.description}
      </span>
    </Link>
  );
}

/** Left of the VMs: the clients with their state; one narrows the list. */
export function ClientPane({ query }: { readonly query: QueryState }) {
  const { t } = useText();
  const clients = (useEngine('clients.list', {}).data?.rows ?? []).filter(
    (client) => client.authorized && client.state !== 'removed',
  );
  const online = clients.filter((client) => client.state === 'online').length;
  const chosen = query.getId('client');
  const sorted = clients.toSorted(
    (a, b) => Number(a.state === 'online') - Number(b.state === 'online') || a.name.localeCompare(b.name),
  );
  return (
    <nav className="pane" aria-label={t('place.clients')}>
      <div className="pl scroll">
        <Link
          className="cl"
          style={{ marginTop: 4 }}
          to={query.link({ client: null })}
          aria-current={chosen === undefined ? 'true' : undefined}
        >
          <IconServer2 className="ic" aria-hidden />
          <span className="b5">{t('objects.allClients')}</span>
          <span className="s t2 tn">{t('objects.online', { online, count: clients.length })}</span>
        </Link>
        {sorted.map((client) => (
          <ClientLine
            key={client.id}
            client={client}
            isHere={client.id === chosen}
            to={query.link({ client: client.id })}
          />
        ))}
      </div>
    </nav>
  );
}
