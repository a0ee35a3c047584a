import { join } from 'node:path';
import { createLogger } from '../shared/node/log.ts';
import { claimFolder } from './alive-socket.ts';
import { managerOf } from './agent-config.ts';
import type { AgentIdentity } from './identity.ts';
import { OpenRepositories } from './jobs/open-repositories.ts';
import { JobRunner } from './jobs/runner.ts';
import type { Link } from './link/link.ts';
import { ManagerLink } from './link/manager-link.ts';
import { SocketLink } from './link/socket-link.ts';
import { Upstream } from './link/upstream.ts';
import { releaseFrozen } from './platforms/libvirt/guest/thaw.ts';
import type { Roots } from './platforms/roots.ts';

/** A local agent ends after this time without engine and without job (DETAILS 14). */
const lonelyMs = 60_000;
const lonelyCheckMs = 5000;

export interface Agent {
  /** Resolves when a local agent has nothing to do any more. */
  readonly lonely: Promise<void>;
  stop(): Promise<void>;
}

/** Folders outside the agent's own, which QEMU must reach (DETAILS 11). */
function rootsOf({ config, folder }: AgentIdentity): Roots {
  const id = config.hwid.replaceAll('-', '').slice(0, 8);
  return {
    run: `/run/holdfast/${id}`,
    scratch: `/var/lib/holdfast-scratch/${id}`,
    frozen: join(folder, 'frozen'),
  };
}

/**
 * Starts the agent: claims its folder, removes what a dead one left, then dials its manager, or lets an engine come to its
 * socket.
 * @throws AppError alreadyRunning
 */
export async function startAgent(identity: AgentIdentity): Promise<Agent> {
  const log = createLogger('agent');
  const claim = await claimFolder(identity.folder, identity.config.hwid);
  const roots = rootsOf(identity);
  const repositories = new OpenRepositories();
  const upstream = new Upstream(identity, log);
  const runner = new JobRunner({ identity, repositories, roots, log }, upstream);
  await releaseFrozen(roots, log);
  await runner.recover();
  const links: Link[] = [new SocketLink(identity, claim, upstream, log)];
  const manager = managerOf(identity.config);
  if (manager !== undefined) links.push(new ManagerLink(identity, manager, upstream, log));
  const running = links.map((link) => link.run({ runner, repositories, roots, transformKeys: identity.transformKeys }));
  const timers = new Set<NodeJS.Timeout>();
  return {
    lonely:
      identity.config.engineFile === undefined ? new Promise(() => undefined) : becomesLonely(upstream, runner, timers),
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await runner.stop();
      for (const link of links) link.stop();
      await Promise.all(running);
      await repositories.closeAll();
      await claim.release();
    },
  };
}

function becomesLonely(upstream: Upstream, runner: JobRunner, timers: Set<NodeJS.Timeout>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (upstream.current !== undefined || runner.hasRunning) upstream.lastContactAt = Date.now();
      if (Date.now() - upstream.lastContactAt > lonelyMs) resolve();
    }, lonelyCheckMs);
    timers.add(timer);
  });
}
