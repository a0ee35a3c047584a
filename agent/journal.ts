import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { jobKinds, type JobResult, jobResultSchema } from '../shared/model/job.ts';
import { stepSchema, type TaskStep } from '../shared/model/task.ts';
import { syncFolder } from '../shared/node/atomic-file.ts';
import { uuidSchema } from '../shared/schema.ts';

type JobKind = (typeof jobKinds)[number];

const resourceSchema = z.object({ kind: z.string(), name: z.string() });
type JournalResource = z.output<typeof resourceSchema>;

const eventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('began'), jobUuid: uuidSchema, kind: z.enum(jobKinds), at: z.number() }),
  z.object({ event: z.literal('step'), step: stepSchema, at: z.number() }),
  z.object({ event: z.literal('acquired'), resource: resourceSchema, at: z.number() }),
  z.object({ event: z.literal('released'), resource: resourceSchema, at: z.number() }),
  z.object({ event: z.literal('result'), result: jobResultSchema, at: z.number() }),
  z.object({ event: z.literal('acknowledged'), at: z.number() }),
]);
type JournalEvent = z.input<typeof eventSchema>;

/** What a journal file says about its job. */
export interface JournalledJob {
  jobUuid: string;
  kind: JobKind;
  startedAt: number;
  step: TaskStep | null;
  /** Made and not struck off, newest first: in this order they are removed. */
  leftovers: JournalResource[];
  result: JobResult | undefined;
  acknowledged: boolean;
}

/** One job's file: one fsynced line per event, no secrets (DETAILS 10). */
export class JobJournal {
  readonly #path: string;
  /** Lines go out one after another. */
  #turn: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  acquired(resource: JournalResource): Promise<void> {
    return this.append({ event: 'acquired', resource, at: Date.now() });
  }

  released(resource: JournalResource): Promise<void> {
    return this.append({ event: 'released', resource, at: Date.now() });
  }

  append(event: JournalEvent): Promise<void> {
    const next = this.#turn.then(async () => {
      const file = await open(this.#path, 'a', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(event)}\n`);
        await file.datasync();
      } finally {
        await file.close();
      }
    });
    this.#turn = next.catch(() => undefined);
    return next;
  }
}

/** The agent's journal folder: what it has begun, made, and not yet handed over. */
export class Journal {
  readonly #folder: string;

  constructor(dataFolder: string) {
    this.#folder = join(dataFolder, 'journal');
  }

  async begin(jobUuid: string, kind: JobKind): Promise<JobJournal> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const job = this.of(jobUuid);
    await job.append({ event: 'began', jobUuid, kind, at: Date.now() });
    await syncFolder(this.#folder);
    return job;
  }

  of(jobUuid: string): JobJournal {
    return new JobJournal(this.#path(jobUuid));
  }

  async remove(jobUuid: string): Promise<void> {
    await rm(this.#path(jobUuid), { force: true });
  }

  /** Every job whose file is still there. @param onDamaged called for files that say nothing usable */
  async list(onDamaged: (name: string) => void): Promise<JournalledJob[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const jobs: JournalledJob[] = [];
    for (const name of names.filter((each) => each.endsWith('.jsonl'))) {
      const job = readJob(await readFile(join(this.#folder, name), 'utf8'));
      if (job === undefined) onDamaged(name);
      else jobs.push(job);
    }
    return jobs;
  }

  #path(jobUuid: string): string {
    return join(this.#folder, `${uuidSchema.parse(jobUuid)}.jsonl`);
  }
}

/** Reads events until the first line that a crash cut short. */
function readJob(text: string): JournalledJob | undefined {
  let job: JournalledJob | undefined;
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const event = parseLine(line);
    if (event === undefined) break;
    if (event.event === 'began') {
      const { jobUuid, kind, at } = event;
      job = { jobUuid, kind, startedAt: at, step: null, leftovers: [], result: undefined, acknowledged: false };
    } else if (job !== undefined) apply(job, event);
  }
  return job;
}

function parseLine(line: string): z.output<typeof eventSchema> | undefined {
  try {
    return eventSchema.safeParse(JSON.parse(line)).data;
  } catch {
    // A half-written last line is what a crash leaves.
    return undefined;
  }
}

function apply(job: JournalledJob, event: z.output<typeof eventSchema>): void {
  if (event.event === 'step') job.step = event.step;
  else if (event.event === 'acquired') job.leftovers.unshift(event.resource);
  else if (event.event === 'released') {
    const { kind, name } = event.resource;
    job.leftovers = job.leftovers.filter((resource) => resource.kind !== kind || resource.name !== name);
  } else if (event.event === 'result') job.result = event.result;
  else if (event.event === 'acknowledged') job.acknowledged = true;
}
