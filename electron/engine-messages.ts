import { z } from 'zod';
import { wireErrorSchema } from '../shared/errors.ts';

/** main → engine process. A `console` message brings one port: a new conversation. */
export const toEngineSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('console') }),
  z.object({ kind: z.literal('stop') }),
]);
export type ToEngine = z.output<typeof toEngineSchema>;

/** engine process → main. */
export const fromEngineSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready'), firstToken: z.string().max(200).optional() }),
  z.object({ kind: z.literal('failed'), error: wireErrorSchema }),
]);
export type FromEngine = z.input<typeof fromEngineSchema>;
