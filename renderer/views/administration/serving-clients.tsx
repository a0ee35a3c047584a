import type { PlatformView } from '../../../shared/contract/engine/platforms.ts';
import { State } from '../../components/state.tsx';
import { useText } from '../../text/use-text.ts';
import { clientLook } from '../common/client-state.ts';

/** The clients that serve a platform or a pool, each with its state. */
export function ServingClients({ clients }: { readonly clients: PlatformView['clients'] }) {
  const { t } = useText();
  return (
    <ul>
      {clients.map((client) => (
        <li key={client.id} className="row" style={{ justifyContent: 'space-between' }}>
          <span className="el">{client.name}</span>
          <State {...clientLook(client.state)}>{t(`clientState.${client.state}`)}</State>
        </li>
      ))}
    </ul>
  );
}
