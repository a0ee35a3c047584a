import type { AgentContract } from '../../shared/contract/agent/all.ts';
import { toWireError } from '../../shared/errors.ts';
import type { Peer } from '../../shared/rpc/peer.ts';
import type { Check } from '../../shared/schema.ts';
import type { EngineCore } from '../core.ts';
import { getClient } from '../database/clients.ts';

/** Runs a check on each client; every line says which client it is about, one that cannot be asked fails its own line. */
export async function checkClients(
  core: EngineCore,
  clientIds: readonly number[],
  ask: (peer: Peer<AgentContract>) => Promise<readonly Check[]>,
): Promise<Check[]> {
  const checks: Check[] = [];
  for (const clientId of clientIds) {
    const { id, name } = await getClient(core.db, clientId);
    try {
      const answers = await ask(core.registry.get(id, name));
      checks.push(...answers.map((answer) => ({ ...answer, check: `${name}: ${answer.check}` })));
    } catch (error) {
      checks.push({ check: `${name}: client`, ok: false, detail: toWireError(error).message });
    }
  }
  return checks;
}
