import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type AgentIdentity, initAgent } from '../../agent/identity.ts';
import type { JobDeps } from '../../agent/jobs/job-run.ts';
import { OpenRepositories } from '../../agent/jobs/open-repositories.ts';
import { JobRunner } from '../../agent/jobs/runner.ts';
import { createPlatform } from '../../agent/platforms/all.ts';
import type { Roots } from '../../agent/platforms/roots.ts';
import {
  type BackupResult,
  type Job,
  type JobInput,
  type JobResult,
  jobSchema,
  type PlatformTarget,
  repositoryTargetSchema,
} from '../../shared/model/job.ts';
import { createLogger } from '../../shared/node/log.ts';
import { resticPassword } from './repository-settings.ts';
import { temporaryFolder } from './temporary-folder.ts';

type InputOf<K extends Job['kind']> = Omit<
  Extract<JobInput, { kind: K }>,
  'kind' | 'jobUuid' | 'engineUuid' | 'repository'
>;

interface LabOptions {
  name?: string;
  /** Folder of the repository, which is made when there is none; a new one when left out. */
  pool?: string;
  /** What is backed up; a folder with images when left out. */
  platform?: Pick<PlatformTarget, 'kind' | 'settings'>;
  roots?: Roots;
}

/** An agent without engine: jobs are handed to its runner as the link would do. */
export class JobLab {
  readonly folder: string;
  readonly images: string;
  readonly pool: string;
  readonly deps: JobDeps;
  readonly platform: PlatformTarget;
  readonly #runner: JobRunner;
  readonly #results = new Map<string, (result: JobResult) => void>();

  private constructor(folder: string, identity: AgentIdentity, { pool, platform, roots }: LabOptions) {
    this.folder = folder;
    this.images = join(folder, 'images');
    this.pool = pool ?? join(folder, 'pool');
    const images = { kind: 'image-directory' as const, settings: { path: this.images } };
    this.platform = { uuid: randomUUID(), name: 'platform', ...(platform ?? images) };
    const own = { run: join(folder, 'run'), scratch: join(folder, 'scratch'), frozen: join(folder, 'frozen') };
    const log = createLogger('test', 'silent');
    this.deps = { identity, repositories: new OpenRepositories(), roots: roots ?? own, log };
    this.#runner = new JobRunner(this.deps, {
      report: async (result) => {
        this.#results.get(result.jobUuid)?.(result);
        return true;
      },
      progress: () => undefined,
    });
  }

  static async create(options: LabOptions = {}): Promise<JobLab> {
    const { name = 'node1' } = options;
    const folder = await temporaryFolder();
    const identity = await initAgent({ folder: join(folder, 'agent'), name, manager: undefined });
    const lab = new JobLab(folder, identity, options);
    await mkdir(lab.images);
    onTestFinished(async () => {
      await lab.#runner.stop();
      await lab.deps.repositories.closeAll();
    });
    await lab.deps.repositories.prepare(repositoryTargetSchema.parse(lab.repository), true);
    return lab;
  }

  get repository() {
    return { storage: { kind: 'local' as const, path: this.pool }, password: resticPassword, repositoryId: null };
  }

  /** UUID of an object by its name. */
  async object(name: string): Promise<string> {
    const { kind, settings } = this.platform;
    const platform = createPlatform(kind, settings, { ...this.platform, roots: this.deps.roots });
    const objects = await platform.listObjects(AbortSignal.timeout(10_000));
    const found = objects.find((object) => object.name === name);
    if (found === undefined) throw new Error(`no object ${name}: ${objects.map((object) => object.name).join()}`);
    return found.uuid;
  }

  /** @returns the result of the job, however it ended */
  async run<K extends Job['kind']>(kind: K, input: InputOf<K>): Promise<JobResult> {
    const ids = { jobUuid: randomUUID(), engineUuid: randomUUID() };
    const job = jobSchema.parse({ kind, ...ids, repository: this.repository, ...input });
    const result = new Promise<JobResult>((resolve) => this.#results.set(job.jobUuid, resolve));
    await this.#runner.start(job);
    return result;
  }

  /** Backs up an object. @param object its name */
  async backUp(object: string, input: Partial<InputOf<'backup'>> = {}): Promise<JobResult> {
    const { name, hwid } = this.deps.identity.config;
    return this.run('backup', {
      backupUuid: randomUUID(),
      objectUuid: await this.object(object),
      objectName: object,
      platform: this.platform,
      client: { name, hwid },
      rule: null,
      type: 'full',
      zone: 'UTC',
      ...input,
    });
  }

  /** Restores a point into a new folder. */
  async restore({ backupUuid, objectUuid, snapshotId }: BackupResult): Promise<{ result: JobResult; folder: string }> {
    const path = join(this.folder, randomUUID());
    const target = { kind: 'directory' as const, path };
    const result = await this.run('restore', { backupUuid, objectUuid, snapshotIdHint: snapshotId, target });
    return { result, folder: join(path, objectUuid) };
  }
}

/** The point that a job made. @throws Error with what it failed for */
export function pointIn({ backup, error }: JobResult): BackupResult {
  if (backup === null) throw new Error(JSON.stringify(error));
  return backup;
}
