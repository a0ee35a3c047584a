import { z } from 'zod';
import { fingerprintSchema } from './storage.ts';

/** How a client came to the engine: the agent dials over WebSocket, or the engine dials over SSH (DESIGN §4). */
export const transportSchema = z.enum(['websocket', 'ssh']);
export type Transport = z.output<typeof transportSchema>;

/** What is run on the host when nothing else is said. */
export const defaultSshCommand = 'holdfast-agent stdio';

function line(most: number) {
  return z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(most)
    .regex(/^[^\p{Cc}]*$/u, 'must not contain control characters');
}

const hostSchema = line(253).regex(/^[^\s/@[\]]+$/u, 'must be a host name or an address without port');
const portSchema = z.number().int().min(1).max(65_535).default(22);

/** Where an SSH server listens. */
export const sshHostSchema = z.object({ host: hostSchema, port: portSchema });

/** How the engine reaches an agent over SSH; the private key is kept apart, and encrypted. */
export const sshAddressSchema = sshHostSchema.extend({
  user: line(200),
  /** Pinned; no other host key is talked to. */
  hostKey: fingerprintSchema,
  command: line(1000).default(defaultSshCommand),
});
export type SshAddress = z.output<typeof sshAddressSchema>;

/** The address for people and messages. */
export function sshLocation({ user, host, port }: Pick<SshAddress, 'user' | 'host' | 'port'>): string {
  const login = user === '' ? '' : `${user}@`;
  return `ssh://${login}${host.includes(':') ? `[${host}]` : host}:${port}`;
}
