import { readdirSync } from 'node:fs';
import type { TaskView } from '../../../shared/contract/engine/tasks.ts';
import { Lab } from '../../helpers/programs.ts';
import { cpuMsOf, type Run, settleDisk } from './measure.ts';
import { folderBytes } from './peers.ts';

/** A run of ours with what the task says about it. */
export interface OurRun extends Run {
  task: TaskView;
  /** From the start of the job to the first read. */
  firstReadMs: number;
}

/** Engine and agent as they are started for real; runs are timed from the task's start to Done. */
export class Ours {
  readonly lab: Lab;
  #pools = 0;

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  static async start(): Promise<Ours> {
    const lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
    return new Ours(lab);
  }

  /** A new, empty pool. @returns its name, which is that of its folder too */
  async addPool(...options: string[]): Promise<string> {
    const name = `pool${this.#pools++}`;
    const password = await this.lab.passwordFile('bench');
    const place = ['--kind', 'local', '--client', 'node1', '--path', this.lab.path(name), '--password-file', password];
    await this.lab.ok('pools', 'add', '--name', name, ...place, ...options);
    return name;
  }

  async addRule(name: string, platform: string, object: string, pool: string): Promise<void> {
    const what = ['--name', name, '--platform', platform, '--object', object, '--pool', pool];
    await this.lab.ok('rules', 'add', ...what, '--type', 'incremental');
  }

  async backUp(rule: string, pool: string, ...options: string[]): Promise<OurRun> {
    const folder = this.lab.path(pool);
    const bytesBefore = folderBytes(folder);
    const run = await this.#measured(async () => this.lab.ok('rules', 'run', rule, '--wait', ...options));
    return { ...run, storedBytes: folderBytes(folder) - bytesBefore };
  }

  /** The same where the pool is no folder of this machine. */
  run(rule: string): Promise<OurRun> {
    return this.#measured(async () => this.lab.ok('rules', 'run', rule, '--wait'));
  }

  async restore(backupId: number, target: string): Promise<OurRun> {
    return this.#measured(async () => this.lab.ok('restore', String(backupId), '--to', target, '--wait'));
  }

  async verify(backupId: number): Promise<OurRun> {
    return this.#measured(async () => this.lab.ok('backups', 'verify', String(backupId), '--wait'));
  }

  /** One command waits for the end: asking again and again by new processes would take a core from the agent. */
  async #measured(start: () => Promise<Record<string, unknown>>): Promise<OurRun> {
    const { pid } = this.lab.agent('node1');
    settleDisk();
    const cpuBefore = cpuMsOf(pid);
    const { taskIds } = await start();
    const task = await this.lab.task((taskIds as number[])[0] ?? 0);
    if (task.error !== null) throw new Error(`task ${task.id}: ${task.error.message}`);
    const first = task.steps.find(({ step }) => step === 'copyingData' || step === 'writingData');
    return {
      wallMs: (task.endedAt ?? 0) - (task.startedAt ?? 0),
      cpuMs: cpuMsOf(pid) - cpuBefore,
      storedBytes: Number.NaN,
      task,
      firstReadMs: (first?.startedAt ?? Number.NaN) - (task.startedAt ?? 0),
    };
  }

  /** Snapshots in a pool's folder. */
  points(pool: string): number {
    return readdirSync(this.lab.path(pool, 'snapshots')).length;
  }

  async close(): Promise<void> {
    await this.lab.close();
  }
}
