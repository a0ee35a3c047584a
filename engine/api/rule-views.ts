import type { z } from 'zod';
import type { memberStateSchema, RuleMember, RuleView } from '../../shared/contract/engine/rules.ts';
import { isEnded } from '../../shared/model/task.ts';
import { listClients } from '../database/clients.ts';
import { listObjects, type ObjectRow } from '../database/objects.ts';
import { listPlatforms } from '../database/platforms.ts';
import { listPools } from '../database/pools.ts';
import type { RuleRow } from '../database/rules.ts';
import type { TaskRow } from '../database/task-row.ts';
import { newestTasksOfRules } from '../database/rule-tasks.ts';
import type { EngineCore } from '../core.ts';

type MemberState = z.output<typeof memberStateSchema>;

function stateOfStep(step: TaskRow['step']): MemberState {
  if (step === 'waitingForLock') return 'pending';
  return step === null || step === 'copyingData' || step === 'writingData' ? 'running' : step;
}

/** i2's word for what a VM's newest task does (DESIGN §5). */
export function memberState(task: Pick<TaskRow, 'state' | 'step'> | undefined): MemberState {
  if (task === undefined) return 'idle';
  if (isEnded(task.state)) return task.state === 'done' || task.state === 'warning' ? 'done' : 'idle';
  if (task.state === 'unknown') return 'unknown';
  if (task.state === 'finalising') return 'finalising';
  return task.state === 'running' ? stateOfStep(task.step) : 'pending';
}

function memberOf(core: EngineCore, object: ObjectRow, task: TaskRow | undefined): RuleMember {
  const open = task !== undefined && !isEnded(task.state);
  return {
    objectId: object.id,
    uuid: object.uuid,
    name: object.name,
    state: memberState(task),
    percent: open ? core.queue.progress.percent(task) : null,
    taskId: task?.id ?? null,
    lastState: task === undefined || open ? null : task.state,
    lastEndedAt: task?.endedAt ?? null,
  };
}

/** Rules as consoles show them: names instead of numbers, members with their current task. */
export async function ruleViews(core: EngineCore, rules: readonly RuleRow[]): Promise<RuleView[]> {
  const [objects, platforms, pools, clients, tasks] = await Promise.all([
    listObjects(core.db),
    listPlatforms(core.db),
    listPools(core.db),
    listClients(core.db),
    newestTasksOfRules(core.db),
  ]);
  const objectById = new Map(objects.map((object) => [object.id, object]));
  return rules.map(({ objectIds, ...rule }) => ({
    ...rule,
    platform: platforms.find((row) => row.id === rule.platformId)?.name ?? '',
    pool: pools.find((row) => row.id === rule.poolId)?.name ?? '',
    client: clients.find((row) => row.id === rule.clientId)?.name ?? null,
    members: objectIds.flatMap((id) => {
      const object = objectById.get(id);
      return object === undefined ? [] : [memberOf(core, object, tasks.get(`${rule.id}:${id}`))];
    }),
  }));
}
