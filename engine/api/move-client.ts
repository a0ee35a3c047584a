import { AppError, hasCode } from '../../shared/errors.ts';
import { noGroupId } from '../../shared/model/group.ts';
import type { EngineCore } from '../core.ts';
import type { ClientRow } from '../database/clients.ts';
import { getGroup, type GroupAddition, moveToGroup } from '../database/groups.ts';
import { listPools, type PoolRow } from '../database/pools.ts';
import { type PreparedRepository, prepareMoves } from './pool-repositories.ts';

type Addition = GroupAddition & { repositories: PreparedRepository[] };

/**
 * Gives a client another group. In pools with a repository for each group the client first opens that of its new group,
 * which is made where there is none; what fails there leaves everything as it was. The same group again makes what is
 * missing.
 * @returns by pool, the repositories that it has got
 * @throws AppError notFound; clientOffline, notSameRepository, wrongPassword when the client cannot open it
 */
export async function moveClient(core: EngineCore, client: ClientRow, groupId: number): Promise<Addition[]> {
  await getGroup(core.db, groupId);
  const additions: Addition[] = [];
  for (const pool of await listPools(core.db)) {
    if (pool.repositoryPer !== 'group' || !pool.clientIds.includes(client.id)) continue;
    const groups = new Map(pool.groups);
    if (groupId === noGroupId) groups.delete(client.id);
    else groups.set(client.id, groupId);
    const moves = { ...pool, groups, storage: undefined, password: undefined };
    const prepared = await prepareMoves(core, pool, moves).catch((error: unknown) => {
      throw hasCode(error, 'clientOffline') ? mustBeOnline(pool, error) : error;
    });
    additions.push({ poolId: pool.id, ...prepared });
  }
  await moveToGroup(core.db, client.id, groupId, {
    additions,
    seal: (secret, owner) => core.vault.seal(secret, owner),
  });
  return additions;
}

function mustBeOnline({ name }: PoolRow, cause: AppError): AppError {
  const hint = `It must open the repository of the new group in pool "${name}" first. Start it, then try again.`;
  return new AppError('clientOffline', cause.message, { field: 'group', hint, cause });
}
