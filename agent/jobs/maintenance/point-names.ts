import type { Snapshot } from '../../repository/snapshot-file.ts';
import type { Repository } from '../../repository/repository.ts';
import { uuidSchema } from '../../../shared/schema.ts';

const prefix = 'backup=';

/** UUIDs of our backups by the id of their snapshot; snapshots of other programs are not in it. */
export async function backupsBySnapshot(repository: Repository): Promise<Map<string, string>> {
  const snapshots = await repository.listSnapshots(() => undefined);
  return new Map(
    snapshots.flatMap((snapshot) => {
      const uuid = backupOf(snapshot);
      return uuid === undefined ? [] : [[snapshot.id, uuid] as const];
    }),
  );
}

function backupOf({ tags }: Snapshot): string | undefined {
  const tag = tags.find((each) => each.startsWith(prefix));
  return uuidSchema.safeParse(tag?.slice(prefix.length)).data;
}

/** The disk that a path inside a snapshot of ours belongs to (DETAILS 1); null for everything else. */
export function diskOf(path: string | undefined): string | null {
  return /^\/vm\/[^/]+\/disks\/([^/]+)(?:\/|$)/u.exec(path ?? '')?.[1]?.slice(0, 255) ?? null;
}
