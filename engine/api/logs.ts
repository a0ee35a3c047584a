import type { logsContract } from '../../shared/contract/engine/logs.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { listLogs } from '../database/logs.ts';
import type { ApiContext } from './context.ts';
import { nextCursor, pageOf } from './paging.ts';
import { filterId } from './tasks.ts';

export const logsApi: Handlers<typeof logsContract, ApiContext> = {
  async 'logs.list'({ level, client, task, since, text, ...page }, { core }) {
    const { rows, total } = await listLogs(core.db, {
      ...pageOf(page),
      level,
      since,
      text,
      clientId: await filterId(core, 'clients', client, 'client'),
      taskId: await filterId(core, 'tasks', task, 'task'),
    });
    return { rows, total, ...nextCursor(rows, page.limit) };
  },
};
