import { z } from 'zod';

/**
 * Why a disk was read whole although changes were asked for (DESIGN §6, read plan). Whatever the reason, only blobs that the
 * repository does not have are stored. Sentences in three languages: assets/locales/reasons.*.json
 */
export const readReasons = [
  /** No earlier point of this VM in this repository. */
  'firstPoint',
  /** A differential backup without a full one to compare with. */
  'noFullPoint',
  /** The disk is not in the base point. */
  'diskAdded',
  /** The same image under another target name in the base point. */
  'diskRenamed',
  /** Another size than in the base point. */
  'diskResized',
  /** raw and other formats that cannot keep bitmaps. */
  'formatWithoutBitmap',
  /** The platform does not track changes at all. */
  'platformWithoutChanges',
  /** The platform is set to be read through snapshots. */
  'snapshotPath',
  /** The image stands on a backing file, whose changes no bitmap knows. */
  'backingChain',
  /** The VM has no checkpoint of a point in this repository any more. */
  'checkpointMissing',
  /** The checkpoint is there, its bitmap in the image is not. */
  'bitmapMissing',
  /** The bitmap is marked in use or inconsistent, as after a crash of QEMU. */
  'bitmapBroken',
  /** Checkpoints are there, the points that made them are not in the repository any more. */
  'baseMissing',
  /** The source changed under the reader when the base was made. */
  'baseInconsistent',
  /** Blobs of the base are missing or its manifest does not fit. */
  'baseDamaged',
  /** The base was written with another cipher or key of the protective transformation, or only one of the two with any. */
  'transformChanged',
  /** Asked for: everything is read and compared. */
  'reread',
] as const;
export const readReasonSchema = z.enum(readReasons);
export type ReadReason = z.output<typeof readReasonSchema>;
