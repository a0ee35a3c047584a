import { z } from 'zod';
import { clientStateSchema } from '../../model/client.ts';
import { sshAddressSchema, sshHostSchema, transportSchema } from '../../model/ssh.ts';
import { fingerprintSchema } from '../../model/storage.ts';
import { emptySchema, idSchema, instantSchema, nameSchema, refSchema, rowsOf, secret } from '../../schema.ts';
import { command, query } from '../method.ts';

export const clientViewSchema = z.object({
  id: idSchema,
  uuid: z.guid(),
  name: z.string(),
  hwid: z.string(),
  description: z.string(),
  groupId: idSchema,
  /** Name of its client group. */
  group: z.string(),
  state: clientStateSchema,
  authorized: z.boolean(),
  /** `SHA256:` + unpadded base64 of the certificate. */
  fingerprint: z.string(),
  address: z.string(),
  transport: transportSchema,
  /** Of a client that the engine dials over SSH. */
  ssh: sshAddressSchema.nullable(),
  version: z.string(),
  /** What the host says about itself, e.g. "Debian GNU/Linux 12, x64, 2 cores". */
  system: z.string(),
  /** Started by this engine on its own machine. */
  local: z.boolean(),
  firstSeenAt: instantSchema,
  lastSeenAt: instantSchema.nullable(),
  decidedAt: instantSchema.nullable(),
  decidedBy: z.string().nullable(),
  /** Why the last link was refused or lost, or why the host is not reached over SSH. */
  lastError: z.string().nullable(),
});
export type ClientView = z.output<typeof clientViewSchema>;

const clientParams = z.object({ client: refSchema });

export const clientsContract = {
  'clients.list': query({
    right: 'view',
    params: emptySchema,
    result: rowsOf(clientViewSchema),
    topics: ['clients', 'groups'],
  }),
  /** Answers once the client is online, after 10 s at most (DETAILS 18). Brings a removed client back (17). */
  'clients.authorize': command({
    right: 'administer',
    params: clientParams,
    result: clientViewSchema,
    topics: ['clients'],
  }),
  /** The host key that an SSH server offers, for a person to compare: dials it, and sends nothing that needs a login. */
  'clients.probeSsh': command({
    right: 'administer',
    params: sshHostSchema,
    result: z.object({ hostKey: fingerprintSchema }),
  }),
  /**
   * Dials the agent of a host and authorizes it. Answers once it is online, after 10 s at most; after an error nothing
   * is kept. The agent's `init` was run without a manager.
   */
  'clients.addSsh': command({
    right: 'administer',
    params: sshAddressSchema.extend({
      name: nameSchema,
      /** OpenSSH or PEM text without a passphrase. */
      privateKey: secret(16_384),
    }),
    result: clientViewSchema,
    topics: ['clients'],
  }),
  /**
   * Left out = unchanged. Another group: what the client lacks in pools with a repository for each group is made at
   * once; it must be online then.
   */
  'clients.edit': command({
    right: 'administer',
    params: clientParams.extend({ description: z.string().max(500).optional(), group: refSchema.optional() }),
    result: clientViewSchema,
    topics: ['clients', 'groups', 'pools'],
  }),
  /** The client stays listed as removed and is answered `clientRemoved`; refuses an unauthorized one too. */
  'clients.remove': command({
    right: 'administer',
    params: clientParams,
    result: clientViewSchema,
    topics: ['clients'],
  }),
};
