import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';

export interface ClientChoice {
  readonly value: string;
  readonly label: string;
  readonly disabled: boolean;
}

/** Authorized clients as choices of a field, undefined until they are known; one that is not online says so. */
export function useClientChoices(): ClientChoice[] | undefined {
  const { t } = useText();
  const clients = useEngine('clients.list', {}).data?.rows;
  return clients
    ?.filter((client) => client.authorized && client.state !== 'removed')
    .map((client) => ({
      value: String(client.id),
      label: client.state === 'online' ? client.name : `${client.name} (${t(`clientState.${client.state}`)})`,
      disabled: client.state === 'incompatible',
    }));
}

/** What a field of clients begins with: the only one there is, else none. */
export function firstChoice(choices: readonly ClientChoice[]): string[] {
  const usable = choices.filter(({ disabled }) => !disabled);
  return usable.length === 1 ? usable.map(({ value }) => value) : [];
}
