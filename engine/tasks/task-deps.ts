import type { Logger } from '../../shared/node/log.ts';
import type { AgentRegistry } from '../agents/registry.ts';
import type { Changes } from '../changes.ts';
import type { Database } from '../database/open.ts';
import type { Vault } from '../secrets.ts';

/** What the task engine works with. */
export interface TaskDeps {
  db: Database;
  changes: Changes;
  registry: AgentRegistry;
  vault: Vault;
  log: Logger;
  engineUuid: string;
}
