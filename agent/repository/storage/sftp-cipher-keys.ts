import { createSecretKey } from 'node:crypto';
import type { Client } from 'ssh2';

/**
 * The library hands bare keys to node:crypto for each packet of AES-GCM, and node:crypto makes a key object of them each
 * time: a quarter of what sending costs. This puts ready objects in their place, which the same functions take. It
 * reaches for fields that are not part of the library's interface, so that it does nothing where they are not what it
 * expects, and the test against a real server says when that has become so.
 * @returns how many keys were replaced: of the cipher and of the decipher
 */
export function prepareCipherKeys(client: Client): number {
  const protocol = fieldOf(client, '_protocol');
  const cipher = fieldOf(protocol, '_cipher');
  const decipher = fieldOf(protocol, '_decipher');
  return Number(prepareKey(cipher, '_encKey')) + Number(prepareKey(decipher, '_decipherKey'));
}

function prepareKey(owner: unknown, name: string): boolean {
  const key = fieldOf(owner, name);
  return Buffer.isBuffer(key) && Reflect.set(owner as object, name, createSecretKey(key));
}

function fieldOf(owner: unknown, name: string): unknown {
  return typeof owner === 'object' && owner !== null ? Reflect.get(owner, name) : undefined;
}
