import type { JobRunner } from '../jobs/runner.ts';
import type { OpenRepositories } from '../jobs/open-repositories.ts';
import type { TransformKeys } from '../transform/key-store.ts';
import type { Roots } from '../platforms/roots.ts';

/** What the agent's api works with. */
export interface AgentContext {
  runner: JobRunner;
  repositories: OpenRepositories;
  roots: Roots;
  transformKeys: TransformKeys;
}
