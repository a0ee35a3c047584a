import { z } from 'zod';
import { hexIdSchema, uuidSchema } from './schema.ts';

/** manifest.json of a backup (DETAILS 2). Times are RFC 3339 UTC, sizes bytes. The order of keys is the format's. */
export const manifestSchema = z.object({
  format: z.literal(1),
  backupUuid: uuidSchema,
  engineUuid: uuidSchema,
  client: z.object({ hwid: z.string(), name: z.string() }),
  platform: z.object({ uuid: uuidSchema, kind: z.string(), name: z.string() }),
  objectUuid: uuidSchema,
  rule: z.object({ uuid: uuidSchema, name: z.string() }).nullable(),
  type: z.string(),
  parentUuid: uuidSchema.nullable(),
  createdAt: z.string(),
  zone: z.string(),
  consistency: z.object({
    asked: z.string(),
    reached: z.string(),
    frozenAt: z.string().nullable(),
    thawedAt: z.string().nullable(),
  }),
  transform: z.object({ cipher: z.string(), keyId: z.string() }).nullable(),
  /** SHA-256 of vm.json and native/*, by path below /vm/<uuid>. */
  files: z.record(z.string(), hexIdSchema),
  disks: z
    .array(
      z.object({
        id: z.string(),
        path: z.string(),
        sizeBytes: z.number().int().nonnegative(),
        cellBytes: z.number().int().positive(),
        sourceFormat: z.string(),
        mode: z.string(),
        changeSource: z.string().nullable(),
        reason: z.string().nullable(),
        baseUuid: uuidSchema.nullable(),
        checkpoint: z.string().nullable(),
        bytesRead: z.number().int().nonnegative(),
        zeroBytes: z.number().int().nonnegative(),
        blobs: z.number().int().nonnegative(),
        digest: hexIdSchema,
      }),
    )
    .max(1000),
});
export type Manifest = z.output<typeof manifestSchema>;

/** Text of manifest.json: the schema's key order, final newline. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifestSchema.parse(manifest))}\n`;
}

/** manifest.sig (DETAILS 4). */
export const signatureSchema = z.object({ alg: z.literal('ed25519'), keyId: z.string(), signature: z.string() });
export type Signature = z.output<typeof signatureSchema>;

/** What is signed stands after this line, so that a signature fits nothing else. */
export const signaturePrefix = 'holdfast-manifest-1\n';

/** Tags of a snapshot: comma and control characters become `_` (DETAILS 5). */
export function tagOf(key: string, value: string): string {
  return `${key}=${value}`.replace(/[,\p{Cc}]/gu, '_');
}

/** The tag by which a backup is found again, whatever its snapshot is called by then. */
export function backupTag(backupUuid: string): string {
  return tagOf('backup', backupUuid);
}

/** Folder of a VM inside its snapshot. */
export function vmPath(objectUuid: string): string {
  return `/vm/${objectUuid}`;
}
