import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { dirname, extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import {
  type FreezeOrder,
  type HelperCommand,
  type HelperEvent,
  helperEventSchema,
  readLine,
} from './helper-protocol.ts';

type EventOf<K extends HelperEvent['event']> = Extract<HelperEvent, { event: K }>;

/** What virsh needs; nothing else of the agent's environment is the helper's business. */
const passed = ['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME'];

/** The one place that knows the helper's file: beside this one, and when both are bundled under the bundle's ending. */
function helperFile(): string {
  return fileURLToPath(new URL(`./freeze-helper-run${extname(import.meta.url)}`, import.meta.url));
}

/** The agent's end of a freeze helper. It may outlive the agent; whatever it still has to thaw, it thaws. */
export class FreezeProcess {
  frozen: EventOf<'frozen'> | undefined;
  /** True once it was told to freeze: from then on the guest may be frozen. */
  asked = false;
  ready: EventOf<'ready'> | undefined;
  refused: EventOf<'refused'> | undefined;
  thawFailed: EventOf<'thawFailed'> | undefined;
  thawed: EventOf<'thawed'> | undefined;
  /** How it ended, once it has; also when it could not be started. */
  ended: string | undefined;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #changes = new EventEmitter();

  /**
   * Starts the helper. The program takes longer to start than a look at the domain, so it is started before.
   * @param folder of the registry of frozen guests
   */
  constructor(folder: string) {
    const own = Object.fromEntries(passed.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
    // Compiling its sources would take most of the time until it is ready.
    const env = { ...own, NODE_COMPILE_CACHE: join(dirname(folder), 'cache') };
    this.#child = spawn(process.execPath, [helperFile()], {
      // A session of its own: a signal to the agent's group does not reach it.
      detached: true,
      cwd: '/',
      env,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('exit', (code, signal) => this.#end(`it ended with ${signal ?? `code ${code}`}`));
    // Its end tells more than EPIPE.
    this.#child.stdin.on('error', () => undefined);
    createInterface({ input: this.#child.stdout, crlfDelay: Infinity }).on('line', (line) => this.#hear(line));
  }

  /** Lets it do all that can be done before the guest stands still. */
  prepare(order: FreezeOrder): void {
    this.#tell(order);
  }

  /** PID, for tests; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Settled when the guest is frozen, will not be, or the helper is gone. */
  async freeze(limitMs: number, signal: AbortSignal): Promise<void> {
    await this.#until(() => (this.ready ?? this.refused ?? this.ended) !== undefined, limitMs, signal);
    if (this.ready === undefined || signal.aborted) return;
    this.asked = true;
    this.#tell({ do: 'freeze' });
    await this.#until(() => (this.frozen ?? this.refused ?? this.ended) !== undefined, limitMs, signal);
  }

  /** Settled when the guest is thawed, the helper is gone, or the time is over. */
  async thaw(limitMs: number): Promise<void> {
    this.#tell({ do: 'thaw' });
    await this.#until(() => (this.thawed ?? this.ended) !== undefined, limitMs);
  }

  /** Lets go of it: it ends as soon as nothing is frozen by it. Waits for that no longer than `limitMs`. */
  async release(limitMs: number): Promise<void> {
    this.#child.stdin.end();
    await this.#until(() => this.ended !== undefined, limitMs);
    this.#child.stdout.destroy();
    this.#child.unref();
  }

  #tell(command: HelperCommand): void {
    if (this.ended === undefined) this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  #hear(line: string): void {
    const said = readLine(helperEventSchema, line);
    switch (said?.event) {
      case 'ready':
        this.ready = said;
        break;
      case 'frozen':
        this.frozen = said;
        break;
      case 'refused':
        this.refused = said;
        break;
      case 'thawFailed':
        this.thawFailed = said;
        break;
      case 'thawed':
        this.thawed = said;
        break;
      case undefined:
        return;
    }
    this.#changes.emit('change');
  }

  #end(how: string): void {
    this.ended ??= how;
    this.#changes.emit('change');
  }

  async #until(reached: () => boolean, limitMs: number, signal?: AbortSignal): Promise<void> {
    const limit = AbortSignal.timeout(limitMs);
    const both = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    while (!reached() && !both.aborted) {
      // An abort is looked at by the loop; what it means is the caller's business.
      await once(this.#changes, 'change', { signal: both }).catch(() => undefined);
    }
  }
}
