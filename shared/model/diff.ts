import { z } from 'zod';
import { bytesSchema } from '../schema.ts';

/** Where a page of differences ended: go on with this disk at this byte. */
export const diffCursorSchema = z.object({ disk: z.string().max(255), offset: bytesSchema });
export type DiffCursor = z.output<typeof diffCursorSchema>;

/** Extents of one page over all its disks: 40 bytes each, far below the message limit. */
export const maxDiffExtents = 10_000;

/** Differences of two points, bytes. A disk that only one of them has is listed as a whole. */
export const diffPageSchema = z.object({
  disks: z
    .array(
      z.object({
        id: z.string().max(255),
        /** Sum of the extents of this page. */
        changedBytes: bytesSchema,
        extents: z.array(z.object({ offset: bytesSchema, length: bytesSchema })).max(maxDiffExtents),
      }),
    )
    .max(1000),
  cursor: diffCursorSchema.optional(),
});
export type DiffPage = z.output<typeof diffPageSchema>;
