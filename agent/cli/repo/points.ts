import { tagsOf } from '../../jobs/point-tags.ts';
import type { Snapshot } from '../../repository/snapshot-file.ts';

/** A snapshot in words: `web01 of 2026-11-21T03:00:00Z`. */
export function nameOf(snapshot: Snapshot): string {
  const at = new Date(snapshot.time).toISOString().replace('.000Z', 'Z');
  const tags = tagsOf(snapshot);
  return tags === undefined ? `snapshot ${snapshot.id.slice(0, 8)} of ${at}` : `${tags.vm} of ${at}`;
}
