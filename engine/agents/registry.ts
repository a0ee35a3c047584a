import type { AgentContract } from '../../shared/contract/agent/all.ts';
import { AppError } from '../../shared/errors.ts';
import type { Peer } from '../../shared/rpc/peer.ts';

/** A connected agent whose hello was answered. */
export interface AgentLink {
  readonly clientId: number;
  readonly peer: Peer<AgentContract>;
  readonly authorized: boolean;
}

/** Who is connected now. Online is never stored: it is having an authorized link here. */
export class AgentRegistry {
  private readonly links = new Map<number, AgentLink>();
  private readonly waiters = new Set<() => void>();
  /** Ends of links that are still being noted, by client. */
  private readonly leaving = new Map<number, Promise<void>>();

  isOnline(clientId: number): boolean {
    return this.links.get(clientId)?.authorized === true;
  }

  find(clientId: number): AgentLink | undefined {
    return this.links.get(clientId);
  }

  onlineIds(): number[] {
    return [...this.links.values()].filter((link) => link.authorized).map((link) => link.clientId);
  }

  /** @throws AppError clientOffline */
  get(clientId: number, name: string): Peer<AgentContract> {
    const link = this.links.get(clientId);
    if (link?.authorized !== true) throw new AppError('clientOffline', `client "${name}" is offline`);
    return link.peer;
  }

  add(link: AgentLink): void {
    this.links.set(link.clientId, link);
    for (const wake of this.waiters) wake();
  }

  /** @returns false when another link has taken its place already */
  remove(link: AgentLink): boolean {
    if (this.links.get(link.clientId) !== link) return false;
    return this.links.delete(link.clientId);
  }

  /** Remembers that the end of a client's link is being noted: its next link must wait for that. */
  leave(clientId: number, work: Promise<void>): void {
    const before = this.leaving.get(clientId) ?? Promise.resolve();
    const both = Promise.all([before, work]).then(() => {
      if (this.leaving.get(clientId) === both) this.leaving.delete(clientId);
    });
    this.leaving.set(clientId, both);
  }

  /** Resolves when every ended link of the client was noted. */
  hasLeft(clientId: number): Promise<void> {
    return this.leaving.get(clientId) ?? Promise.resolve();
  }

  /** Waits until the client is online. @returns false when it did not come within `timeoutMs` */
  async waitOnline(clientId: number, timeoutMs: number): Promise<boolean> {
    const end = Date.now() + timeoutMs;
    while (!this.isOnline(clientId)) {
      const left = end - Date.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.waiters.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        this.waiters.add(wake);
      });
    }
    return true;
  }

  /** Closes every link and waits until that was noted. */
  async closeAll(reason: string): Promise<void> {
    for (const link of this.links.values()) link.peer.close(reason);
    await Promise.all(this.leaving.values());
  }
}
