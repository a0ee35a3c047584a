import { z } from 'zod';

/** Raw and qcow2 images in one folder on the client (DETAILS 28). */
export const imageDirectory = {
  kind: 'image-directory',
  title: 'Image directory',
  settings: z.object({
    path: z.string().min(1).max(4096).regex(/^\//u, 'path must be absolute, for example /var/lib/images'),
  }),
  fields: [{ key: 'path', type: 'path', initial: '' }],
  canStart: false,
} as const;
