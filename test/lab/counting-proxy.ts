import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What went through a proxy. */
export interface Counted {
  /** Sum over all read requests, to the byte (nbdkit's log filter). */
  bytesRead: number;
  /** The same as nbdkit's stats filter words it, e.g. `16.50 MiB`; it rounds. */
  statsRead: string;
}

/** Why nothing can be counted here; undefined when it can. */
export function nbdkitMissing(): string | undefined {
  const filters = ['--filter=stats', 'null', 'statsfile=/dev/null', '--dump-plugin'];
  return spawnSync('nbdkit', filters).status === 0 ? undefined : 'counting reads needs nbdkit';
}

/**
 * nbdkit between an NBD export and its reader. It is not ours, so what it counts is independent of what we say we read.
 * It forwards `base:allocation` and no other context: changes have to be asked from the export itself.
 */
export class CountingProxy {
  readonly socket: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder;
    this.socket = join(folder, 'proxy.sock');
    this.#child = child;
  }

  /** @param folder an empty one for socket and counters */
  static async start(folder: string, exportSocket: string, exportName: string): Promise<CountingProxy> {
    const own = ['-f', '-r', '-U', join(folder, 'proxy.sock'), '--filter=stats', '--filter=log'];
    const source = ['nbd', `socket=${exportSocket}`, `export=${exportName}`];
    const files = [`statsfile=${join(folder, 'stats')}`, `logfile=${join(folder, 'log')}`];
    const child = spawn('nbdkit', [...own, ...source, ...files], { stdio: ['ignore', 'ignore', 'inherit'] });
    const proxy = new CountingProxy(folder, child);
    for (const end = Date.now() + 10_000; !existsSync(proxy.socket); ) {
      if (child.exitCode !== null || Date.now() > end) throw new Error('nbdkit does not start');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return proxy;
  }

  /** Ends it; only then it writes its counters. */
  async stop(): Promise<Counted> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
    const log = await readFile(join(this.#folder, 'log'), 'utf8');
    const stats = await readFile(join(this.#folder, 'stats'), 'utf8');
    // e.g. "… connection=1 Read id=3 offset=0x100000 count=0x10000 ..."
    const counts = [...log.matchAll(/ Read id=\d+ offset=0x[0-9a-f]+ count=0x([0-9a-f]+)/gu)];
    return {
      bytesRead: counts.reduce((sum, [, count]) => sum + Number.parseInt(count ?? '', 16), 0),
      statsRead: /^read: .*? s, ([\d.]+ \w+),/mu.exec(stats)?.[1] ?? '',
    };
  }
}
