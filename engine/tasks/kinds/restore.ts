import { AppError } from '../../../shared/errors.ts';
import type { JobInput } from '../../../shared/model/job.ts';
import { getBackup } from '../../database/backups.ts';
import { getPlatform } from '../../database/platforms.ts';
import type { TaskRow } from '../../database/task-row.ts';
import type { TaskDeps } from '../task-deps.ts';
import type { TaskKindModule } from '../task-kind.ts';
import { placeOfTask, repositoryTarget } from './repository-target.ts';

type RestoreTarget = Extract<JobInput, { kind: 'restore' }>['target'];

/** Restore of one backup into a folder or as a new VM. */
export const restoreKind: TaskKindModule = {
  platformId: (task) => task.spec.deployPlatformId ?? null,
  async buildJob(deps, task, client) {
    if (task.spec.backupId === undefined) throw new AppError('internal', `task ${task.id} names no backup`);
    const backup = await getBackup(deps.db, task.spec.backupId);
    const { repository } = await placeOfTask(deps, task, client.id);
    return {
      kind: 'restore',
      jobUuid: task.jobUuid,
      backupUuid: backup.uuid,
      engineUuid: deps.engineUuid,
      objectUuid: backup.objectUuid,
      snapshotIdHint: backup.snapshotId,
      repository: await repositoryTarget(deps, repository),
      target: await targetOf(deps, task),
    };
  },
};

async function targetOf(deps: TaskDeps, task: TaskRow): Promise<RestoreTarget> {
  const target = task.spec.restore;
  if (target === undefined) throw new AppError('internal', `task ${task.id} has no restore target`);
  if (target.kind === 'directory') return target;
  if (task.spec.deployPlatformId === undefined) throw new AppError('notFound', 'the platform to deploy on was removed');
  const platform = await getPlatform(deps.db, task.spec.deployPlatformId);
  return {
    kind: 'deploy',
    platform: { uuid: platform.uuid, kind: platform.kind, name: platform.name, settings: platform.settings },
    name: target.name ?? null,
    storage: target.storage ?? null,
    start: target.start,
  };
}
