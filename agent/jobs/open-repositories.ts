import { createHash } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import type { RepositoryTarget } from '../../shared/model/job.ts';
import { locationOf } from '../../shared/model/storage.ts';
import { createRepository, openRepository, type Repository } from '../repository/repository.ts';
import { createStorage } from '../repository/storage/all.ts';
import type { Storage } from '../repository/storage/storage.ts';

/** Somebody waits for the answer: a server that fails is not tried for a quarter of an hour. */
const interactive = { maxTotalMs: 20_000 };

/** The threads of an unused repository end after this time. */
const restMs = 20_000;
/** An unused repository is closed after this time; its index is the agent's largest memory. */
const idleMs = 5 * 60_000;
/** So many unused ones stay open: a maintenance client may go through the repositories of many clients. */
const mostIdleRepositories = 4;

interface Held {
  storage: Storage;
  repository: Promise<Repository>;
  /** Of the config file it was opened with: another one there means another repository. */
  config: string;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Keeps repositories open between jobs, since opening one costs half a second of scrypt on purpose. A lock is never kept
 * (DESIGN §4).
 */
export class OpenRepositories {
  /** The least recently used ones first. */
  private readonly held = new Map<string, Held>();
  readonly #mostIdle: number;

  constructor(mostIdle = mostIdleRepositories) {
    this.#mostIdle = mostIdle;
  }

  /** How many are open, used or not. */
  get openCount(): number {
    return this.held.size;
  }

  /**
   * Runs something with the repository open.
   * @throws AppError wrongPassword, poolNotReachable, notSameRepository when another one lies there than recorded
   */
  async use<T>(target: RepositoryTarget, work: (repository: Repository) => Promise<T>): Promise<T> {
    const key = keyOf(target);
    const held = await this.take(key, target);
    clearTimeout(held.timer);
    try {
      const repository = await held.repository;
      assertSame(target, repository);
      return await work(repository);
    } finally {
      this.leave(key, held);
    }
  }

  /** When nobody uses it any more its threads end soon, the rest of it later, or when too many lie idle. */
  private leave(key: string, held: Held): void {
    held.users -= 1;
    if (held.users > 0) return;
    clearTimeout(held.timer);
    if (this.held.get(key) !== held) {
      // Another one lies there now, or it could not be opened; whoever waited for that has the error.
      void held.repository.then(
        (repository) => repository.close(),
        () => undefined,
      );
      return;
    }
    this.held.delete(key);
    this.held.set(key, held);
    const idle = [...this.held].filter(([, { users }]) => users === 0).map(([name]) => name);
    for (const name of idle.slice(0, Math.max(0, idle.length - this.#mostIdle))) void this.close(name);
    held.timer = setTimeout(() => {
      held.timer = setTimeout(() => void this.close(key), idleMs).unref();
      void held.repository.then((repository) => (held.users === 0 ? repository.rest() : undefined));
    }, restMs).unref();
  }

  /** Opens what is there, or creates it in an absent or empty folder. */
  async prepare(target: RepositoryTarget, create: boolean): Promise<{ repositoryId: string; created: boolean }> {
    const storage = createStorage(target.storage, interactive);
    const created = create && (await storage.readConfig()) === undefined;
    // Closing it closes its storage too.
    if (created) await (await createRepository(storage, target.password.reveal())).close();
    else await storage.close?.();
    return this.use(target, async (repository) => ({ repositoryId: repository.id, created }));
  }

  async closeAll(): Promise<void> {
    for (const key of [...this.held.keys()]) await this.close(key);
  }

  /**
   * What is held, unless the folder was unmounted or replaced since it was opened. It is counted as used before anything
   * is awaited: whoever closes unused ones must not take it away meanwhile.
   */
  private async take(key: string, target: RepositoryTarget): Promise<Held> {
    const held = this.held.get(key);
    if (held === undefined) return this.open(key, target);
    held.users += 1;
    let isSame = false;
    try {
      isSame = (await configHash(held.storage)) === held.config;
      if (isSame) return held;
    } finally {
      if (!isSame) this.leave(key, held);
    }
    await this.close(key);
    return this.open(key, target);
  }

  private async open(key: string, target: RepositoryTarget): Promise<Held> {
    const storage = createStorage(target.storage);
    const config = await configHash(storage).catch(async (error: unknown) => {
      await storage.close?.();
      throw error;
    });
    // Somebody else may have opened it meanwhile.
    const other = this.held.get(key);
    if (other?.config === config) {
      other.users += 1;
      await storage.close?.();
      return other;
    }
    const repository = openRepository(storage, target.password.reveal());
    const held: Held = { storage, repository, config, users: 1, timer: undefined };
    this.held.set(key, held);
    // A failed opening is not kept; whoever waits for it gets the error.
    held.repository.catch(() => {
      this.held.delete(key);
      return storage.close?.();
    });
    return held;
  }

  private async close(key: string): Promise<void> {
    const held = this.held.get(key);
    if (held === undefined || held.users > 0) return;
    this.held.delete(key);
    clearTimeout(held.timer);
    await (await held.repository).close();
  }
}

/** A changed password or address must not find what was opened with the old one. */
function keyOf({ storage, password }: RepositoryTarget): string {
  const credential = storage.kind === 'local' ? null : storage.credential;
  // A secret is `[secret]` in JSON.
  const parts = [JSON.stringify(storage), credential?.reveal() ?? '', password.reveal()];
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}

/** Hash of the sealed config file. @throws AppError poolNotReachable */
async function configHash(storage: Storage): Promise<string> {
  const config = await storage.readConfig();
  if (config !== undefined) return createHash('sha256').update(config).digest('hex');
  throw new AppError('poolNotReachable', `there is no repository at ${storage.location}`, {
    hint: 'Check that the path is right and mounted.',
  });
}

/** @throws AppError notSameRepository */
function assertSame({ storage, repositoryId }: RepositoryTarget, repository: Repository): void {
  if (repositoryId === null || repositoryId === repository.id) return;
  const [there, recorded] = [repository.id.slice(0, 8), repositoryId.slice(0, 8)];
  throw new AppError(
    'notSameRepository',
    `${locationOf(storage)} holds repository ${there}, the pool recorded ${recorded}`,
  );
}
