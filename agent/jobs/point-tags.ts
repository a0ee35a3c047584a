import { vmPath } from '../../shared/format.ts';
import { uuidSchema } from '../../shared/schema.ts';
import type { Snapshot } from '../repository/snapshot-file.ts';

/** What a snapshot says of itself. */
export interface PointTags {
  backupUuid: string;
  objectUuid: string;
  vm: string;
  type: string | null;
}

/** Undefined for a snapshot of another program (docs/repository.md: tags and paths). */
export function tagsOf({ tags, paths }: Snapshot): PointTags | undefined {
  const valueOf = (key: string) => tags.find((tag) => tag.startsWith(`${key}=`))?.slice(key.length + 1);
  const backupUuid = uuidSchema.safeParse(valueOf('backup')).data;
  const objectUuid = uuidSchema.safeParse(paths[0]?.slice(vmPath('').length)).data;
  if (!tags.includes('holdfast') || backupUuid === undefined || objectUuid === undefined) return undefined;
  return { backupUuid, objectUuid, vm: valueOf('vm') ?? objectUuid, type: valueOf('type') ?? null };
}
