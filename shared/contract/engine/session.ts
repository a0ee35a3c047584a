import { z } from 'zod';
import { roleSchema } from '../../model/user.ts';
import { emptySchema, instantSchema, secret } from '../../schema.ts';
import { command, query } from '../method.ts';

export const userSchema = z.object({ name: z.string(), role: roleSchema });
const signedIn = z.object({ token: z.string(), expiresAt: instantSchema, user: userSchema });

/** A password that is being set. */
export const newPasswordSchema = z.string().min(8, 'must have at least 8 characters').max(1024);

/** Signing in; everything but these needs a session (DESIGN §4, DETAILS 19). */
export const sessionContract = {
  'session.get': query({
    right: 'none',
    params: emptySchema,
    result: z.object({
      user: userSchema.nullable(),
      /** True until the administrator's first password was set. */
      needsFirstPassword: z.boolean(),
      version: z.string(),
      /** Host name of the engine. */
      host: z.string(),
      /** Engine and console run on this computer, one starting the other. */
      embedded: z.boolean(),
    }),
    topics: ['session'],
  }),
  'session.signIn': command({
    right: 'none',
    params: z.object({ user: z.string().trim().min(1).max(100), password: secret() }),
    result: signedIn,
    topics: ['session'],
  }),
  'session.setFirstPassword': command({
    right: 'none',
    params: z.object({ token: secret(), password: newPasswordSchema }),
    result: signedIn,
    topics: ['session'],
  }),
  'session.signOut': command({ right: 'view', params: emptySchema, result: emptySchema, topics: ['session'] }),
};
