import type { tasksContract } from '../../shared/contract/engine/tasks.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { type Findable, findId } from '../database/find.ts';
import { getTask, listTasks, markTasksSeen } from '../database/tasks.ts';
import type { EngineCore } from '../core.ts';
import { type ApiContext, userName } from './context.ts';
import { nextCursor, pageOf } from './paging.ts';
import { taskView, taskViews } from './task-views.ts';

/** Number of an optional filter. */
export async function filterId(
  core: EngineCore,
  table: Findable,
  ref: string | undefined,
  field: string,
): Promise<number | undefined> {
  return ref === undefined ? undefined : findId(core.db, table, ref, field);
}

export const tasksApi: Handlers<typeof tasksContract, ApiContext> = {
  async 'tasks.list'({ state, client, object, rule, since, ...page }, { core }) {
    const { rows, total } = await listTasks(core.db, {
      ...pageOf(page),
      state,
      since,
      clientId: await filterId(core, 'clients', client, 'client'),
      objectId: await filterId(core, 'objects', object, 'object'),
      ruleId: await filterId(core, 'rules', rule, 'rule'),
    });
    return { rows: await taskViews(core, rows), total, ...nextCursor(rows, page.limit) };
  },
  async 'tasks.get'({ task }, { core }) {
    return taskView(core, await getTask(core.db, await findId(core.db, 'tasks', task, 'task')));
  },
  async 'tasks.cancel'({ task }, context) {
    const { core } = context;
    return taskView(core, await core.queue.cancel(await findId(core.db, 'tasks', task, 'task'), userName(context)));
  },
  async 'tasks.abandon'({ task }, context) {
    const { core } = context;
    return taskView(core, await core.queue.abandon(await findId(core.db, 'tasks', task, 'task'), userName(context)));
  },
  async 'tasks.markSeen'({ task }, { core }) {
    const id = await filterId(core, 'tasks', task, 'task');
    await markTasksSeen(core.db, id);
    core.changes.announce('tasks', id === undefined ? undefined : [id]);
    return {};
  },
};
