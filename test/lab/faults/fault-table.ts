import type { TaskView } from '../../../shared/contract/engine/tasks.ts';

const mib = 1024 * 1024;

/** Collects what became of each row, and prints one markdown table. */
export class FaultTable {
  readonly #lines: string[] = [];

  add(fault: string, when: string, runs: { run: TaskView | undefined; next: TaskView | undefined }): void {
    this.#lines.push(`| ${fault} | ${when} | ${outcomeOf(runs.run)} | ${outcomeOf(runs.next)} |`);
  }

  text(): string {
    return ['| Fault | When | This run | Next run |', '|---|---|---|---|', ...this.#lines].join('\n');
  }
}

/** `done`, or the code; then disk by disk how and why it was read. */
export function outcomeOf(task: TaskView | undefined): string {
  if (task === undefined) return 'FAILED';
  if (task.error !== null) return `\`${task.error.code}\``;
  const disks = task.disks.map(({ id, mode, reason, bytesRead }) => {
    const why = reason === null ? '' : ` (${reason})`;
    return `${id} ${mode}${why} ${(bytesRead / mib).toFixed(1)} MiB`;
  });
  return [task.state, ...disks].join('; ');
}

/** By disk: `incremental`, or the reason why it was read whole. */
export function waysOf(task: TaskView): Record<string, string> {
  return Object.fromEntries(task.disks.map(({ id, mode, reason }) => [id, reason ?? mode]));
}
