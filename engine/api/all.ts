import { type EngineContract, engineContract } from '../../shared/contract/engine/all.ts';
import type { CallControl, Handlers } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import { rightsOfRole } from '../../shared/model/user.ts';
import { createDispatcher } from '../../shared/rpc/dispatch.ts';
import { backupsApi } from './backups.ts';
import { clientsApi } from './clients.ts';
import type { ApiContext } from './context.ts';
import { groupsApi } from './groups.ts';
import { logsApi } from './logs.ts';
import { objectsApi } from './objects.ts';
import { platformsApi } from './platforms.ts';
import { poolsApi } from './pools.ts';
import { repositoriesApi } from './repositories.ts';
import { rulesApi } from './rules.ts';
import { sessionApi } from './session.ts';
import { systemApi } from './system.ts';
import { tasksApi } from './tasks.ts';

const handlers: Handlers<EngineContract, ApiContext> = {
  ...sessionApi,
  ...systemApi,
  ...clientsApi,
  ...groupsApi,
  ...platformsApi,
  ...objectsApi,
  ...poolsApi,
  ...repositoriesApi,
  ...rulesApi,
  ...tasksApi,
  ...backupsApi,
  ...logsApi,
};

/** Answers a console's call: known method? may this user? parameters valid? then the api function. */
export const dispatchApi: (
  name: string,
  params: unknown,
  context: ApiContext,
  control: CallControl,
) => Promise<unknown> = createDispatcher<EngineContract, ApiContext>(
  engineContract,
  handlers,
  (name, method, { caller, sessions }) => {
    if (caller.principal !== null && !sessions.isLive(caller.principal)) caller.principal = null;
    if (method.right === 'none') return;
    if (caller.principal === null) throw new AppError('notSignedIn', 'sign in first');
    const { name: user, role } = caller.principal.user;
    if (!rightsOfRole[role].includes(method.right))
      throw new AppError('noRight', `${user} (${role}) may not call ${name}: it needs the right "${method.right}"`);
  },
);
