import type { AgentContext } from '../api/context.ts';

/** How an agent and its engine come together: the agent dials, or the engine comes to its socket. */
export interface Link {
  /** Works until {@link stop}. */
  run(context: AgentContext): Promise<void>;
  stop(): void;
}
