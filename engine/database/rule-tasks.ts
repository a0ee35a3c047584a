import type { Database } from './open.ts';
import type { TaskRow } from './task-row.ts';
import { getTasksByIds } from './tasks.ts';

/** The newest task of each member of each rule, by `rule:object`. */
export async function newestTasksOfRules(db: Database): Promise<Map<string, TaskRow>> {
  const newest = await db
    .selectFrom('tasks')
    .select((s) => ['rule_id', 'object_id', s.fn.max('id').as('id')])
    .where('rule_id', 'is not', null)
    .where('object_id', 'is not', null)
    .groupBy(['rule_id', 'object_id'])
    .execute();
  const tasks = await getTasksByIds(
    db,
    newest.map((row) => Number(row.id)),
  );
  return new Map([...tasks.values()].map((task) => [`${task.ruleId}:${task.objectId}`, task]));
}
