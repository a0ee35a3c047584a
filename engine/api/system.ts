import { hostname } from 'node:os';
import type { systemContract } from '../../shared/contract/engine/system.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { version } from '../../shared/version.ts';
import { countUnauthorized } from '../database/clients.ts';
import { countUnseen, listOpenTasks } from '../database/tasks.ts';
import { occupiesSlot, taskLimits } from '../tasks/slots.ts';
import type { ApiContext } from './context.ts';

export const systemApi: Handlers<typeof systemContract, ApiContext> = {
  async 'system.get'(_params, { core }) {
    const open = await listOpenTasks(core.db);
    const used = open.filter(occupiesSlot).length;
    return {
      version,
      engineUuid: core.engineUuid,
      host: hostname(),
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      now: Date.now(),
      startedAt: core.startedAt,
      url: core.addresses.url,
      agentUrl: core.addresses.agentUrl,
      fingerprint: core.fingerprint,
      slots: { limit: taskLimits.total, used, waiting: open.length - used },
      unauthorizedClients: await countUnauthorized(core.db),
      unseenErrors: await countUnseen(core.db),
    };
  },
};
