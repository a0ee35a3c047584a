import { AppError, messageOf } from '../../../shared/errors.ts';
import { note } from '../../../shared/node/print.ts';
import { uuidSchema } from '../../../shared/schema.ts';
import type { Repository } from '../../repository/repository.ts';
import type { Snapshot } from '../../repository/snapshot-file.ts';
import { tagsOf } from '../../jobs/point-tags.ts';
import { nameOf } from './points.ts';

/**
 * The snapshot that a person means: UUID of a backup, or id of a snapshot or its beginning.
 * @throws AppError notFound, ambiguous, invalidValue, storage errors
 */
export async function findPoint(repository: Repository, ref: string): Promise<Snapshot> {
  const snapshots = await repository.listSnapshots((id, error) =>
    note(`Snapshot ${id.slice(0, 8)} cannot be read and is left out: ${messageOf(error)}`),
  );
  const text = ref.toLowerCase();
  const isUuid = uuidSchema.safeParse(text).success;
  if (!isUuid && !/^[0-9a-f]{4,64}$/u.test(text)) throw noRef(snapshots, ref);
  const found = snapshots.filter((each) => (isUuid ? tagsOf(each)?.backupUuid === text : each.id.startsWith(text)));
  const newest = found.at(-1);
  if (newest === undefined) {
    const hint = 'See what there is: repo list.';
    throw new AppError('notFound', `the repository has no backup ${ref}`, { field: '--backup', hint });
  }
  // The same backup twice is a rewrite of its tags; two ids with one beginning are two backups.
  if (!isUuid && found.length > 1) {
    const hint = found.map((each) => `${each.id.slice(0, 12)} ${nameOf(each)}`).join('\n');
    throw new AppError('ambiguous', `${found.length} snapshots begin with ${ref}`, { field: '--backup', hint });
  }
  return newest;
}

function noRef(snapshots: readonly Snapshot[], ref: string): AppError {
  const newest = snapshots.findLast((each) => tagsOf(each)?.vm === ref);
  const hint =
    newest === undefined
      ? 'See what there is: repo list.'
      : `The newest backup of ${ref} is ${tagsOf(newest)?.backupUuid ?? newest.id}: ${nameOf(newest)}.`;
  const message = `--backup: "${ref}" is neither the UUID of a backup nor the id of a snapshot`;
  return new AppError('invalidValue', message, { field: '--backup', hint });
}
