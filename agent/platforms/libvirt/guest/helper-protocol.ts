import { z } from 'zod';

/** Commands to the freeze helper, one line of JSON each. */
export const helperCommandSchema = z.discriminatedUnion('do', [
  /** Everything that can be done before the guest stands still; answered by ready or refused. */
  z.object({
    do: z.literal('prepare'),
    uri: z.string().min(1).max(4096),
    domain: z.guid(),
    /** Folder of the registry of frozen guests. */
    folder: z.string().startsWith('/').max(4096),
  }),
  z.object({ do: z.literal('freeze') }),
  z.object({ do: z.literal('thaw') }),
]);
export type HelperCommand = z.output<typeof helperCommandSchema>;
export type FreezeOrder = Extract<HelperCommand, { do: 'prepare' }>;

/** Why the helper thawed: it was told to, its 30 s were over, its agent is gone, it got a signal. */
const thawReasonSchema = z.enum(['asked', 'timeLimit', 'agentGone', 'signal']);
export type ThawReason = z.output<typeof thawReasonSchema>;

const atSchema = z.number().int().nonnegative();

/** What the freeze helper says, one line of JSON each. Times are epoch ms. */
export const helperEventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('ready') }),
  z.object({ event: z.literal('frozen'), count: z.number().int().positive(), at: atSchema }),
  /** Not frozen; `message` is the rest of a sentence. */
  z.object({ event: z.literal('refused'), message: z.string().max(4000) }),
  /** The first attempt to thaw failed; the helper goes on trying. */
  z.object({ event: z.literal('thawFailed'), message: z.string().max(4000) }),
  z.object({
    event: z.literal('thawed'),
    at: atSchema,
    /** null = not known. */
    count: z.number().int().nonnegative().nullable(),
    why: thawReasonSchema,
  }),
]);
export type HelperEvent = z.output<typeof helperEventSchema>;

/** Reads one line. @returns undefined for what is not of the protocol */
export function readLine<T extends z.ZodType>(schema: T, line: string): z.output<T> | undefined {
  try {
    return schema.safeParse(JSON.parse(line)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
