import { AppError } from '../../../shared/errors.ts';
import { newestPoints } from '../../database/backups.ts';
import { getObject } from '../../database/objects.ts';
import { getPlatform } from '../../database/platforms.ts';
import { listRules } from '../../database/rules.ts';
import type { TaskKindModule } from '../task-kind.ts';
import { placeOfTask, repositoryTarget } from './repository-target.ts';

/** So many points are offered as bases: checkpoints of older ones are not kept anyway. */
const hintedPoints = 64;

/** Backup of one VM into one repository. */
export const backupKind: TaskKindModule = {
  platformId: (task) => task.platformId,
  async buildJob(deps, task, client) {
    if (task.objectId === null || task.platformId === null)
      throw new AppError('notFound', 'the VM or platform of this task was removed');
    const object = await getObject(deps.db, task.objectId);
    const platform = await getPlatform(deps.db, task.platformId);
    const { pool, repository } = await placeOfTask(deps, task, client.id);
    const rule = (await listRules(deps.db)).find((row) => row.id === task.ruleId);
    return {
      kind: 'backup',
      jobUuid: task.jobUuid,
      backupUuid: task.backupUuid,
      engineUuid: deps.engineUuid,
      objectUuid: object.uuid,
      objectName: object.name,
      repository: await repositoryTarget(deps, repository),
      platform: { uuid: platform.uuid, kind: platform.kind, name: platform.name, settings: platform.settings },
      client: { hwid: client.hwid, name: client.name },
      rule: rule === undefined ? null : { uuid: rule.uuid, name: rule.name },
      type: task.spec.backup?.type ?? 'full',
      reread: task.spec.backup?.reread ?? false,
      ...(rule === undefined ? {} : { quiesce: rule.quiesce, transform: rule.transform }),
      write: pool.write,
      points: await newestPoints(deps.db, repository.id, object.uuid, hintedPoints),
      zone: rule?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    };
  },
};
