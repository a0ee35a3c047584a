import { z } from 'zod';
import { jobProgressSchema, jobResultSchema } from '../../model/job.ts';
import { fingerprintSchema } from '../../model/storage.ts';
import { stepSchema } from '../../model/task.ts';
import { emptySchema, uuidSchema } from '../../schema.ts';
import { command } from '../method.ts';

/** A job the engine has not acknowledged yet (DETAILS 9). */
export const openJobSchema = z.object({
  jobUuid: uuidSchema,
  state: z.enum(['running', 'finished', 'interrupted']),
  step: stepSchema.nullable(),
});
export type OpenJob = z.output<typeof openJobSchema>;

export const helloSchema = z.object({
  contract: z.number().int(),
  version: z.string().max(50),
  name: z.string().min(1).max(200),
  hwid: z.string().regex(/^[0-9a-f]{4}(-[0-9a-f]{4}){3}$/u, 'HWID must be four groups of four hexadecimal digits'),
  system: z.string().max(300),
  /** Ed25519 public key that signs manifests: raw 32 bytes, base64. */
  signKey: z.string().max(100),
  capabilities: z.array(z.string().max(100)).max(100),
  jobs: z.array(openJobSchema).max(10_000),
  /** Over SSH, where no TLS shows who we are (DETAILS 13). */
  proof: z
    .object({
      /** Of the certificate that this agent would show over TLS. */
      fingerprint: fingerprintSchema,
      /** Ed25519 over `challengePrefix` and the nonce of `link.challenge`, base64. */
      signature: z.base64().length(88),
    })
    .optional(),
});
export type Hello = z.output<typeof helloSchema>;

/** agent → engine. Before the client is authorized only `hello` is answered. */
export const managerContract = {
  hello: command({
    right: 'none',
    params: helloSchema,
    result: z.object({
      state: z.enum(['authorized', 'unauthorized']),
      engineUuid: uuidSchema,
      contract: z.number().int(),
    }),
  }),
  /** The answer is the acknowledgement; reporting the same job twice changes nothing. */
  'results.report': command({ right: 'none', params: z.object({ result: jobResultSchema }), result: emptySchema }),
  /** Does the engine at the other end still live? Asked when another one wants its place. */
  'manager.ping': command({ right: 'none', params: emptySchema, result: emptySchema }),
  'progress.report': command({ right: 'none', params: z.object({ progress: jobProgressSchema }), result: emptySchema }),
} as const;
export type ManagerContract = typeof managerContract;
