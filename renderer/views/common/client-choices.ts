import type { ClientView } from '../../../shared/contract/engine/clients.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';

const none: readonly ClientView[] = [];

/** Authorized clients as choices of a field; an offline one says so. */
export function useClientChoices(): { readonly value: string; readonly label: string; readonly disabled: boolean }[] {
  const { t } = useText();
  const clients = useEngine('clients.list', {}).data?.rows ?? none;
  return clients
    .filter((client) => client.authorized && client.state !== 'removed')
    .map((client) => ({
      value: String(client.id),
      label: client.state === 'online' ? client.name : `${client.name} (${t(`clientState.${client.state}`)})`,
      disabled: client.state === 'incompatible',
    }));
}
