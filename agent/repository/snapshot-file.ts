import { z } from 'zod';
import { goJson, goTime, hexId, parseJson } from './json.ts';

/** What a snapshot file says. Unknown fields of other programs are ignored. */
export interface Snapshot {
  /** Name of the snapshot file; changes when restic rewrites tags. */
  id: string;
  /** Epoch ms UTC. */
  time: number;
  treeId: string;
  paths: string[];
  hostname: string;
  tags: string[];
  /** The id before restic's first rewrite. */
  original: string | undefined;
  programVersion: string | undefined;
  /** What its run added to the repository, bytes, as its writer says. */
  storedBytes: number | undefined;
}

const strings = z.array(z.string()).max(100_000).nullish();
const snapshotSchema = z.object({
  time: z.string().transform((text, context) => {
    const time = Date.parse(text);
    if (Number.isNaN(time)) context.addIssue({ code: 'custom', message: 'is not a time' });
    return time;
  }),
  tree: hexId,
  paths: strings,
  hostname: z.string().nullish(),
  tags: strings,
  original: hexId.nullish(),
  program_version: z.string().nullish(),
  summary: z.object({ data_added_packed: z.number().int().nonnegative().nullish() }).nullish().catch(null),
});

/** Parses a snapshot file. @throws AppError repositoryDamaged */
export function parseSnapshot(id: string, json: Uint8Array): Snapshot {
  const file = parseJson(snapshotSchema, json, `snapshot file ${id}`);
  return {
    id,
    time: file.time,
    treeId: file.tree,
    paths: file.paths ?? [],
    hostname: file.hostname ?? '',
    tags: file.tags ?? [],
    original: file.original ?? undefined,
    programVersion: file.program_version ?? undefined,
    storedBytes: file.summary?.data_added_packed ?? undefined,
  };
}

export interface SnapshotSummary {
  startedAt: number;
  endedAt: number;
  files: number;
  folders: number;
  dataBlobs: number;
  treeBlobs: number;
  /** Growth of the repository up to the snapshot file, bytes. */
  storedBytes: number;
  /** Sum of the sizes of all files. */
  totalBytes: number;
}

export interface NewSnapshot {
  time: number;
  treeId: Buffer;
  paths: readonly string[];
  hostname: string;
  tags: readonly string[];
  programVersion: string;
  summary: SnapshotSummary;
}

/** The JSON of a snapshot file with restic's fields in restic's order. */
export function encodeSnapshot(snapshot: NewSnapshot): Buffer {
  const { summary } = snapshot;
  return goJson({
    time: goTime(snapshot.time),
    tree: snapshot.treeId.toString('hex'),
    paths: snapshot.paths,
    hostname: snapshot.hostname,
    ...(snapshot.tags.length === 0 ? {} : { tags: snapshot.tags }),
    program_version: snapshot.programVersion,
    summary: {
      backup_start: goTime(summary.startedAt),
      backup_end: goTime(summary.endedAt),
      files_new: summary.files,
      files_changed: 0,
      files_unmodified: 0,
      dirs_new: summary.folders,
      dirs_changed: 0,
      dirs_unmodified: 0,
      data_blobs: summary.dataBlobs,
      tree_blobs: summary.treeBlobs,
      data_added: summary.storedBytes,
      data_added_packed: summary.storedBytes,
      total_files_processed: summary.files,
      // The Size column of `restic snapshots` comes from here.
      total_bytes_processed: summary.totalBytes,
    },
  });
}
