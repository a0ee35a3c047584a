import { z } from 'zod';
import { emptySchema } from '../../schema.ts';
import { command } from '../method.ts';

/** Goes before the nonce in what the agent signs, so that no other signature of its key can be taken for this one. */
export const challengePrefix = 'holdfast-ssh-1\n';

/** engine → agent, the first call over SSH; the agent answers and then says hello with its proof (DETAILS 13). */
export const linkContract = {
  /** Refused with `agentInUse` while another engine uses the agent, or when the agent dials one. */
  'link.challenge': command({
    right: 'none',
    /** 32 random bytes, base64. */
    params: z.object({ nonce: z.string().regex(/^[A-Za-z0-9+/]{43}=$/u, 'must be the base64 of 32 bytes') }),
    result: emptySchema,
  }),
} as const;
export type LinkContract = typeof linkContract;
