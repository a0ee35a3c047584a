import { AppError } from '../../shared/errors.ts';
import type { RestoreJob } from '../../shared/model/job.ts';
import { createPlatform } from '../platforms/all.ts';
import type { JobDeps, JobOutput, JobRun } from './job-run.ts';
import { withLock } from './locked.ts';
import { type RestorePoint, readPoint } from './read-point.ts';
import { restoreFolder } from './restore-folder.ts';
import type { RestoreTarget } from './restore-target.ts';

type DeployTarget = Extract<RestoreJob['target'], { kind: 'deploy' }>;

/** Restores one backup; whatever was made goes again when it fails or is cancelled (DESIGN §7). */
export async function runRestore(deps: JobDeps, job: RestoreJob, run: JobRun): Promise<JobOutput> {
  await run.enter('preparing');
  return deps.repositories.use(job.repository, (repository) =>
    withLock(run, job.repository, repository, async (lock) => {
      await run.enter('configuration');
      const point = await readPoint(repository, job, deps.identity.transformKeys);
      // Waiting for a foreign lock begins the job anew: by then nothing may stand there, let alone run.
      await lock.settled;
      const target = await openTarget(deps, job, run, point);
      try {
        await writeDisks(run, point, target);
        await run.enter('finalising');
        return { backup: null, restore: await target.finish(), maintenance: null };
      } catch (error) {
        await target.rollback();
        throw error;
      }
    }),
  );
}

async function openTarget(deps: JobDeps, job: RestoreJob, run: JobRun, point: RestorePoint): Promise<RestoreTarget> {
  const { target } = job;
  if (target.kind === 'directory')
    return restoreFolder({ target, objectUuid: job.objectUuid, roots: deps.roots }, point, run);
  return deployTarget(deps, target, run, point);
}

async function deployTarget(
  deps: JobDeps,
  target: DeployTarget,
  run: JobRun,
  point: RestorePoint,
): Promise<RestoreTarget> {
  const platform = createPlatform(target.platform.kind, target.platform.settings, {
    ...target.platform,
    roots: deps.roots,
  });
  const native = [...point.files].filter(([path]) => path.startsWith('native/'));
  const request = {
    configuration: point.configuration,
    nativeFiles: new Map(native.map(([path, content]) => [path.slice('native/'.length), content])),
    name: target.name ?? undefined,
    storage: target.storage ?? undefined,
    dataBytes: point.disks.reduce((total, { content }) => total + content.nonZeroBytes(), 0),
  };
  const deployment = await platform.prepareDeploy(request, run);
  return {
    openDisk: (diskId) => deployment.openDisk(diskId),
    finish: () => deployment.finish({ start: target.start }),
    rollback: () => deployment.rollback(),
  };
}

async function writeDisks(run: JobRun, point: RestorePoint, target: RestoreTarget): Promise<void> {
  run.disks = point.disks.map(({ id, sizeBytes, content }) => {
    const plannedBytes = content.nonZeroBytes();
    return {
      id,
      mode: 'restore' as const,
      reason: null,
      baseBackupUuid: null,
      plannedBytes,
      bytesRead: 0,
      zeroBytes: sizeBytes - plannedBytes,
      bytesStored: 0,
    };
  });
  run.bytesTotal = run.disks.reduce((total, disk) => total + disk.plannedBytes, 0);
  await run.enter('writingData');
  for (const [index, disk] of point.disks.entries()) {
    const figures = run.disks[index];
    if (figures === undefined) throw new AppError('internal', `no figures for disk ${disk.id}`);
    const sink = await target.openDisk(disk.id);
    try {
      const onProgress = ({ bytesDone }: { bytesDone: number }) => {
        figures.bytesRead = bytesDone;
        run.bytesDone = run.disks.reduce((total, each) => total + each.bytesRead, 0);
        run.bytesRead = run.bytesDone;
        run.report();
      };
      await point.snapshot.restoreFile(disk.path, sink, { signal: run.signal, onProgress }, disk.content);
    } finally {
      await sink.close();
    }
    run.assertWanted();
  }
}
