import { randomUUID } from 'node:crypto';
import type { JobScope, Resource } from '../../../agent/platforms/platform.ts';

/** A job whose journal is a list that tests can look at. */
export class TestScope implements JobScope {
  readonly jobUuid: string;
  readonly warnings: string[] = [];
  /** What was announced and not struck off, in order. */
  readonly open: Resource[] = [];
  readonly #abort = new AbortController();

  constructor(jobUuid: string = randomUUID()) {
    this.jobUuid = jobUuid;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  cancel(): void {
    this.#abort.abort();
  }

  async acquired(resource: Resource): Promise<void> {
    this.open.push({ ...resource });
  }

  async released(resource: Resource): Promise<void> {
    const at = this.open.findIndex(({ kind, name }) => kind === resource.kind && name === resource.name);
    if (at >= 0) this.open.splice(at, 1);
  }

  warn(message: string): void {
    this.warnings.push(message);
  }
}
