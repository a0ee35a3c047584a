import { toWireError } from '../../shared/errors.ts';
import type { EngineCore } from '../core.ts';
import { getClient } from '../database/clients.ts';
import { listPlatforms } from '../database/platforms.ts';
import { listPools, type PoolRow, saveCapacity } from '../database/pools.ts';
import { reachable, refreshInventory } from './inventory.ts';

/** What nobody has asked for meanwhile is looked at again after this time. */
const maxAgeMs = 5 * 60_000;
const tickMs = 30_000;
const askMs = 10_000;

/**
 * Keeps inventories and pool capacities fresh without anybody asking: when a client comes online, after a backup, and
 * every five minutes.
 */
export class Watch {
  private readonly core: EngineCore;
  private readonly timer: NodeJS.Timeout;
  private readonly stopListening: () => void;
  private readonly lookedAt = new Map<string, number>();
  private online = new Set<number>();
  private turn: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(core: EngineCore) {
    this.core = core;
    this.timer = setInterval(() => this.look(false), tickMs).unref();
    this.stopListening = core.changes.listen(({ topic }) => {
      if (topic === 'clients') this.look(false);
      if (topic === 'backups') this.look(true);
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    this.stopListening();
    await this.turn;
  }

  private look(poolsChanged: boolean): void {
    this.turn = this.turn
      .then(() => (this.stopped ? undefined : this.lookNow(poolsChanged)))
      .catch((error: unknown) => this.core.log.error({ err: error }, 'looking after platforms and pools failed'));
  }

  private async lookNow(poolsChanged: boolean): Promise<void> {
    const online = new Set(this.core.registry.onlineIds());
    const fresh = [...online].filter((id) => !this.online.has(id));
    this.online = online;
    const isDue = (key: string, clientIds: readonly number[]) =>
      clientIds.some((id) => fresh.includes(id)) || Date.now() - (this.lookedAt.get(key) ?? 0) > maxAgeMs;
    for (const platform of await listPlatforms(this.core.db)) {
      const key = `platform ${platform.id}`;
      if (!reachable(this.core, platform) || !isDue(key, platform.clientIds)) continue;
      this.lookedAt.set(key, Date.now());
      // The platform's row says what went wrong.
      await refreshInventory(this.core, platform).catch((error: unknown) => this.tell(key, error));
    }
    for (const pool of await listPools(this.core.db)) {
      const key = `pool ${pool.id}`;
      if (!poolsChanged && !isDue(key, pool.clientIds)) continue;
      this.lookedAt.set(key, Date.now());
      await this.measure(pool).catch((error: unknown) => this.tell(key, error));
    }
  }

  private async measure(pool: PoolRow): Promise<void> {
    if (pool.address.kind !== 'local') return;
    const clientId = pool.clientIds.find((id) => this.online.has(id));
    if (clientId === undefined) return;
    const client = await getClient(this.core.db, clientId);
    const peer = this.core.registry.get(client.id, client.name);
    const { freeBytes, totalBytes } = await peer.call(
      'pools.capacity',
      { path: pool.address.path },
      { timeoutMs: askMs },
    );
    if (freeBytes === pool.freeBytes && totalBytes === pool.totalBytes) return;
    await saveCapacity(this.core.db, pool.id, freeBytes, totalBytes);
    this.core.changes.announce('pools', [pool.id]);
  }

  private tell(key: string, error: unknown): void {
    this.core.log.info({ reason: toWireError(error).message }, `${key} could not be looked at`);
  }
}
