import { createHash } from 'node:crypto';
import { AppError } from '../errors.ts';

const pattern = /^SHA256:[A-Za-z0-9+/]{43}$/u;

/** Families of host key, as a client names them when it says which it takes. */
const families = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'rsa-sha2-256'],
] as const;
export type HostKeyAlgorithm = (typeof families)[number][number];

/** The fingerprint of a host key's blob as OpenSSH prints it: `SHA256:` and unpadded base64. */
export function hostKeyFingerprint(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/u, '')}`;
}

/** @throws AppError invalidValue when the text is no fingerprint; padding is taken off */
export function parseFingerprint(text: string): string {
  const fingerprint = text.trim().replace(/=+$/u, '');
  if (!pattern.test(fingerprint)) {
    throw new AppError('invalidValue', `not the fingerprint of a host key: ${JSON.stringify(text)}`, {
      hint: 'It looks like SHA256: and 43 characters; ssh-keygen -lf prints it.',
    });
  }
  return fingerprint;
}

/** What to ask for next when a server offered a key of these families and none was the pinned one; safest first. */
export function otherHostKeys(seen: readonly string[]): HostKeyAlgorithm[] {
  return families.filter((family) => !family.some((name) => seen.includes(name))).flat();
}

/** The name of the key's kind stands first in its blob; a signature algorithm of RSA is not the kind of the key. */
export function hostKeyKind(blob: Buffer): string {
  const length = blob.length < 4 ? 0 : blob.readUInt32BE(0);
  const kind = blob.toString('latin1', 4, 4 + Math.min(length, 64));
  return kind === 'ssh-rsa' ? 'rsa-sha2-512' : kind;
}
