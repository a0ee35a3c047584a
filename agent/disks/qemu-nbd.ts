import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, hasCode, messageOf } from '../../shared/errors.ts';
import { exists } from './exists.ts';
import { throwIfAborted } from './extents.ts';
import { findProgram } from './find-program.ts';
import type { DiskScope } from './journal.ts';
import { NbdClient } from './nbd/nbd-client.ts';
import { allocationContext } from './nbd/nbd-disk.ts';
import { processStat } from './process-id.ts';

/** A block device as QEMU's JSON syntax describes it: every format is named, nothing is guessed from content. */
export interface ImageNode {
  driver: string;
  [option: string]: string | boolean | null | ImageNode;
}

export interface QemuNbdOptions {
  node: ImageNode;
  writable: boolean;
  /** Socket to make; its folder must be closed to others. At most 100 bytes. */
  socketPath: string;
  /** Persistent bitmap of a qcow2 image that shall be offered as well; see {@link bitmapContext}. */
  bitmap?: string | undefined;
}

/** Metadata context in which qemu-nbd offers a bitmap. */
export function bitmapContext(bitmap: string): string {
  return `qemu:dirty-bitmap:${bitmap}`;
}

const startLimitMs = 30_000;
const stopLimitMs = 10_000;
const exportName = 'disk';

/** A qemu-nbd of our own with the one connection to it. It ends by itself when that connection does. */
export class QemuNbd {
  readonly client: NbdClient;
  readonly #child: ChildProcess;
  readonly #scope: DiskScope;
  readonly #journalName: string;
  readonly #socketPath: string;

  private constructor(
    client: NbdClient,
    child: ChildProcess,
    scope: DiskScope,
    names: { journalName: string; socketPath: string },
  ) {
    this.client = client;
    this.#child = child;
    this.#scope = scope;
    this.#journalName = names.journalName;
    this.#socketPath = names.socketPath;
  }

  /**
   * Starts qemu-nbd on an image and connects.
   * @throws AppError programMissing, diskReadFailed with what qemu-nbd says, cancelled
   */
  static async start(options: QemuNbdOptions, scope: DiskScope): Promise<QemuNbd> {
    throwIfAborted(scope.signal);
    const program = await findProgram('qemu-nbd');
    if (program === undefined) throw qemuNbdMissing();
    const child = spawn(program, qemuNbdArguments(options), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    const complaint = collectComplaint(child);
    let journalName: string | undefined;
    try {
      await once(child, 'spawn');
      journalName = await announce(child, scope);
      const client = await connectWhenReady(options, child, complaint, scope.signal);
      return new QemuNbd(client, child, scope, { journalName, socketPath: options.socketPath });
    } catch (error) {
      await stopChild(child);
      // It makes its socket before it opens the image, and leaves it when that fails.
      await rm(options.socketPath, { force: true });
      if (journalName !== undefined) await scope.released({ kind: 'process', name: journalName });
      throw error instanceof AppError
        ? error
        : new AppError('diskReadFailed', `qemu-nbd did not start: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Ends the connection and the process. */
  async stop(): Promise<void> {
    await this.client.close();
    await stopChild(this.#child, stopLimitMs);
    await rm(this.#socketPath, { force: true });
    await this.#scope.released({ kind: 'process', name: this.#journalName });
  }
}

export function qemuNbdMissing(): AppError {
  return new AppError('programMissing', 'the program qemu-nbd is not installed on this host', {
    hint: 'Install it, on Debian: apt-get install qemu-utils',
  });
}

/**
 * Arguments that open exactly the described image. Without --persistent the server ends with its last connection, so
 * that it does not outlive a killed agent. Discarded ranges become holes and zeros are looked for in nothing.
 */
export function qemuNbdArguments({ node, writable, socketPath, bitmap }: QemuNbdOptions): string[] {
  const mode = writable ? ['--discard=unmap', '--cache=writeback'] : ['--read-only', '--shared=8'];
  const tracked = bitmap === undefined ? [] : ['--bitmap', bitmap];
  return [...mode, ...tracked, '--socket', socketPath, '--export-name', exportName, `json:${JSON.stringify(node)}`];
}

/** The first 4 KiB of what the program complains about. */
function collectComplaint(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    if (text.length < 4096) text += chunk.toString('utf8');
  });
  return () => text.trim();
}

async function announce(child: ChildProcess, scope: DiskScope): Promise<string> {
  const pid = child.pid ?? 0;
  const stat = await processStat(pid);
  const name = JSON.stringify({ pid, startTime: stat?.startTime ?? '0', program: 'qemu-nbd' });
  await scope.acquired({ kind: 'process', name });
  return name;
}

async function connectWhenReady(
  { socketPath, bitmap }: QemuNbdOptions,
  child: ChildProcess,
  complaint: () => string,
  signal: AbortSignal,
): Promise<NbdClient> {
  const deadline = Date.now() + startLimitMs;
  const contexts = [allocationContext, ...(bitmap === undefined ? [] : [bitmapContext(bitmap)])];
  for (;;) {
    throwIfAborted(signal);
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new AppError(
        'diskReadFailed',
        `qemu-nbd ended at its start: ${complaint() || `exit code ${child.exitCode}`}`,
      );
    }
    if (await exists(socketPath)) {
      try {
        return await NbdClient.connect({ socketPath, exportName, contexts }, signal);
      } catch (error) {
        // Between bind and listen the socket refuses; a dying server shows itself above.
        if (!hasCode(error, 'diskReadFailed') || Date.now() > deadline) throw error;
      }
    } else if (Date.now() > deadline) {
      throw new AppError('diskReadFailed', `qemu-nbd made no socket within ${startLimitMs / 1000} s: ${complaint()}`);
    }
    await sleep(10);
  }
}

/** Waits for the end; a process that does not end by itself in time gets SIGTERM, then SIGKILL. */
async function stopChild(child: ChildProcess, patienceMs = 0): Promise<void> {
  const over = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  for (const [kill, waitMs] of [
    [undefined, patienceMs],
    ['SIGTERM', 3000],
    ['SIGKILL', 3000],
  ] as const) {
    if (over()) return;
    if (kill !== undefined) child.kill(kill);
    const end = Date.now() + waitMs;
    while (!over() && Date.now() < end) await sleep(10);
  }
}
