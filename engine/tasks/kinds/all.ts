import type { TaskKind } from '../../../shared/model/task.ts';
import type { TaskKindModule } from '../task-kind.ts';
import { backupKind } from './backup.ts';
import { maintenanceKind } from './maintenance.ts';
import { restoreKind } from './restore.ts';

export const allKinds: Record<TaskKind, TaskKindModule> = {
  backup: backupKind,
  restore: restoreKind,
  check: maintenanceKind,
  verify: maintenanceKind,
  prune: maintenanceKind,
  delete: maintenanceKind,
  rebuildIndex: maintenanceKind,
};
