import type { BlobType } from '../blob-id.ts';

/** What can be wrong in a repository. */
export const damageKinds = [
  'packMissing',
  'packTruncated',
  'packDamaged',
  'blobDamaged',
  'blobMissing',
  'indexDamaged',
  'snapshotDamaged',
  'treeMissing',
  'headerMismatch',
] as const;
export type DamageKind = (typeof damageKinds)[number];

/** Something that is wrong. One object may stand for many blobs. */
export interface Problem {
  kind: DamageKind;
  /** Name of the pack, empty when it is not about one. */
  pack: string;
  message: string;
  /** Id of the snapshot file that is damaged itself. */
  snapshot: string | undefined;
  /** Set once a snapshot is known that it hits. */
  located: boolean;
}

/** Which blobs cannot be read, and why. */
export class DamageBook {
  /** In the order in which they were found. */
  readonly problems: Problem[] = [];
  readonly #rows: Record<BlobType, Map<number, Problem>> = { data: new Map(), tree: new Map() };
  readonly #packs = new Map<number, Problem>();

  add(kind: DamageKind, pack: string, message: string, snapshot?: string): Problem {
    const problem: Problem = { kind, pack, message, snapshot, located: false };
    this.problems.push(problem);
    return problem;
  }

  /** Nothing of the pack can be read. */
  losePack(pack: number, problem: Problem): void {
    this.#packs.set(pack, problem);
  }

  /** The blob cannot be read; the first problem of a blob stays. */
  loseRow(type: BlobType, row: number, problem: Problem): void {
    if (!this.#rows[type].has(row)) this.#rows[type].set(row, problem);
  }

  isLost(type: BlobType, row: number): boolean {
    return this.#rows[type].has(row);
  }

  /** Whether blobs that files may need cannot be read. */
  get hasLosses(): boolean {
    return this.#packs.size + this.#rows.data.size + this.#rows.tree.size > 0;
  }

  problemOf(type: BlobType, row: number, pack: number): Problem | undefined {
    return this.#rows[type].get(row) ?? this.#packs.get(pack);
  }
}
