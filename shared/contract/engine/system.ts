import { z } from 'zod';
import { emptySchema, instantSchema } from '../../schema.ts';
import { query } from '../method.ts';

/** The engine about itself. */
export const systemContract = {
  'system.get': query({
    right: 'view',
    params: emptySchema,
    result: z.object({
      version: z.string(),
      engineUuid: z.guid(),
      host: z.string(),
      /** IANA zone of the engine. */
      zone: z.string(),
      now: instantSchema,
      startedAt: instantSchema,
      url: z.string().nullable(),
      agentUrl: z.string(),
      /** `SHA256:…` of the engine's certificate, for `holdfast-agent init`. */
      fingerprint: z.string(),
      /** Tasks that may run at once, and that do. */
      slots: z.object({ limit: z.number().int(), used: z.number().int(), waiting: z.number().int() }),
      unauthorizedClients: z.number().int(),
      /** Failed tasks that nobody has looked at yet. */
      unseenErrors: z.number().int(),
    }),
    topics: ['tasks', 'clients', 'logs'],
  }),
};
