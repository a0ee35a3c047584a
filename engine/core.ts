import type { Logger } from '../shared/node/log.ts';
import type { SshDialler } from './agents/ssh/ssh-dialler.ts';
import type { AgentRegistry } from './agents/registry.ts';
import type { Changes } from './changes.ts';
import type { Database } from './database/open.ts';
import type { Vault } from './secrets.ts';
import type { TaskQueue } from './tasks/queue.ts';

/** The running engine as its api sees it. */
export interface EngineCore {
  readonly db: Database;
  readonly changes: Changes;
  readonly registry: AgentRegistry;
  readonly vault: Vault;
  readonly dialler: SshDialler;
  readonly queue: TaskQueue;
  readonly log: Logger;
  readonly engineUuid: string;
  readonly startedAt: number;
  /** Started by a console on this computer. */
  readonly embedded: boolean;
  readonly fingerprint: string;
  /** Known once the ports are open. */
  addresses: { url: string | null; agentUrl: string };
}
