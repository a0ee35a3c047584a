import { createHash } from 'node:crypto';
import { AppError } from '../../../shared/errors.ts';
import { listClients } from '../../database/clients.ts';
import type { TaskKindModule } from '../task-kind.ts';
import { placeOfTask, repositoryTarget } from './repository-target.ts';

/** Check, verify, prune, deletion and index rebuild: work on a repository that needs no platform. */
export const maintenanceKind: TaskKindModule = {
  platformId: () => null,
  async buildJob(deps, task, client) {
    const { operation } = task.spec;
    if (operation === undefined) throw new AppError('internal', `task ${task.id} names no operation`);
    // Whoever made a point signed it with the key that its client record holds (DESIGN §6).
    const clients = await listClients(deps.db);
    const { repository } = await placeOfTask(deps, task, client.id);
    return {
      kind: 'maintenance',
      jobUuid: task.jobUuid,
      engineUuid: deps.engineUuid,
      repository: await repositoryTarget(deps, repository),
      operation,
      signKeys: Object.fromEntries(clients.map((client) => [keyIdOf(client.sign_key), client.sign_key])),
    };
  },
};

/** As agents name their keys: the first 16 hex digits of the SHA-256 of the raw public key. */
function keyIdOf(signKey: string): string {
  return createHash('sha256').update(Buffer.from(signKey, 'base64')).digest('hex').slice(0, 16);
}
