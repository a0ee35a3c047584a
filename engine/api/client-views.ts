import { type ClientState, contractNumber } from '../../shared/model/client.ts';
import { transportSchema } from '../../shared/model/ssh.ts';
import type { ClientView } from '../../shared/contract/engine/clients.ts';
import { AppError } from '../../shared/errors.ts';
import type { AgentRegistry } from '../agents/registry.ts';
import type { ClientRow } from '../database/clients.ts';
import type { GroupRow } from '../database/groups.ts';
import { sshAddressOf } from '../database/ssh-clients.ts';

/** State of a client as people see it: the decision, and whether it is connected now. */
export function clientState(row: ClientRow, registry: AgentRegistry): ClientState {
  if (row.decision === 'removed') return 'removed';
  if (row.decision !== 'authorized') return 'unauthorized';
  if (registry.isOnline(row.id)) return 'online';
  return row.contract === contractNumber || row.contract === contractNumber - 1 ? 'offline' : 'incompatible';
}

export function clientView(
  row: ClientRow,
  { registry, groups }: { registry: AgentRegistry; groups: readonly GroupRow[] },
): ClientView {
  return {
    id: row.id,
    uuid: row.uuid,
    name: row.name,
    hwid: row.hwid,
    description: row.description,
    groupId: row.group_id,
    group: groups.find(({ id }) => id === row.group_id)?.name ?? '',
    state: clientState(row, registry),
    authorized: row.decision === 'authorized',
    fingerprint: row.fingerprint,
    address: row.address,
    transport: transportSchema.parse(row.transport),
    ssh: sshAddressOf(row),
    version: row.version,
    system: row.system,
    local: row.local === 1,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: registry.find(row.id) === undefined ? row.last_seen_at : Date.now(),
    decidedAt: row.decided_at,
    decidedBy: row.decided_by,
    lastError: row.last_error,
  };
}

/** Clients of a platform or pool, in the shape of its view. */
export function servingClients(ids: readonly number[], clients: readonly ClientRow[], registry: AgentRegistry) {
  return clients
    .filter((client) => ids.includes(client.id))
    .map((client) => ({ id: client.id, name: client.name, state: clientState(client, registry) }));
}

/** @throws AppError clientUnauthorized, clientRemoved */
export function assertAuthorized(client: ClientRow): void {
  if (client.decision === 'removed')
    throw new AppError('clientRemoved', `client "${client.name}" was removed`, { hint: 'Authorize it again first.' });
  if (client.decision !== 'authorized') {
    throw new AppError('clientUnauthorized', `client "${client.name}" is not authorized`, {
      hint: `Authorize it: clients authorize ${client.id}`,
    });
  }
}
