import { backupsContract } from './backups.ts';
import { clientsContract } from './clients.ts';
import { groupsContract } from './groups.ts';
import { logsContract } from './logs.ts';
import { objectsContract } from './objects.ts';
import { platformsContract } from './platforms.ts';
import { poolsContract } from './pools.ts';
import { repositoriesContract } from './repositories.ts';
import { rulesContract } from './rules.ts';
import { sessionContract } from './session.ts';
import { systemContract } from './system.ts';
import { tasksContract } from './tasks.ts';

/** console, CLI → engine. */
export const engineContract = {
  ...sessionContract,
  ...systemContract,
  ...clientsContract,
  ...groupsContract,
  ...platformsContract,
  ...objectsContract,
  ...poolsContract,
  ...repositoriesContract,
  ...rulesContract,
  ...tasksContract,
  ...backupsContract,
  ...logsContract,
} as const;
export type EngineContract = typeof engineContract;
