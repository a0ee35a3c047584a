import { randomUUID } from 'node:crypto';
import type { BackupSource, CheckpointWish, JobScope, Platform } from '../../../agent/platforms/platform.ts';
import type { Quiesce } from '../../../shared/model/job.ts';
import { quiesceSchema } from '../../../shared/model/job.ts';

/** What a test asks for beyond reading everything without a freeze. */
export interface Wanted {
  /** By disk id: the checkpoint since which changes are wanted. */
  bases?: Readonly<Record<string, string>>;
  checkpoint?: Partial<CheckpointWish>;
  quiesce?: Partial<Quiesce>;
}

/** No guest is asked to stand still. */
export const unquiesced = quiesceSchema.parse({ freeze: false });

/** Name of a checkpoint as a backup would give it. */
export function newCheckpointName(): string {
  return `holdfast-${randomUUID()}`;
}

/** Looks at a VM and opens it as a job does. */
export async function openSource(
  platform: Platform,
  uuid: string,
  scope: JobScope,
  { bases = {}, checkpoint = {}, quiesce = {} }: Wanted = {},
): Promise<BackupSource> {
  const prospect = await platform.inspect(uuid, scope, quiesceSchema.parse({ freeze: false, ...quiesce }));
  return prospect.open({
    checkpoint: { name: newCheckpointName(), repositoryId: 'r1', full: true, ...checkpoint },
    bases: new Map(Object.entries(bases)),
  });
}
