import { hkdfSync } from 'node:crypto';
import { Secret } from '../../shared/schema.ts';

/** Changing it makes every derived password another one. */
const info = 'holdfast-repository-1';
const bytes = 32;

/**
 * Password of one client's or group's repository: HKDF-SHA-256 of the pool's password with the place's name as salt, base64url. Who
 * has it can compute neither the pool's nor that of another place (docs/pools.md shows how to do it by hand).
 * @param place name of the folder below the pool's address
 */
export function repositoryPassword(poolPassword: Secret, place: string): Secret {
  const key = hkdfSync('sha256', Buffer.from(poolPassword.reveal(), 'utf8'), Buffer.from(place, 'utf8'), info, bytes);
  return new Secret(Buffer.from(key).toString('base64url'));
}

/**
 * Name of the place of a client's repository. The HWID is the agent's own, so that an engine that starts anew finds the
 * place again; the client's UUID is the engine's.
 */
export function placeOfClient({ name, hwid }: { name: string; hwid: string }): string {
  return placeOf(name, 'client', hwid);
}

/** Name of the place of a group's repository; an engine that starts anew is told name and UUID (docs/pools.md). */
export function placeOfGroup({ name, uuid }: { name: string; uuid: string }): string {
  return placeOf(name, 'group', uuid);
}

function placeOf(name: string, noun: string, id: string): string {
  const readable = name
    .replace(/[^A-Za-z0-9._-]+/gu, '-')
    .replace(/^[.-]+|-+$/gu, '')
    .slice(0, 40);
  return `${readable === '' ? noun : readable}-${id.replaceAll('-', '').slice(0, 8)}`;
}
