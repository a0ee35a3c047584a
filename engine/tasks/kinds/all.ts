import type { TaskKind } from '../../../shared/model/task.ts';
import type { TaskKindModule } from '../task-kind.ts';
import { backupKind } from './backup.ts';
import { restoreKind } from './restore.ts';

export const allKinds: Record<TaskKind, TaskKindModule> = { backup: backupKind, restore: restoreKind };
