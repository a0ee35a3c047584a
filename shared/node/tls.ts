import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from './atomic-file.ts';

export interface TlsIdentity {
  /** PEM. */
  key: string;
  cert: string;
  /** `SHA256:` + unpadded base64 over the certificate's DER (DETAILS 12). */
  fingerprint: string;
}

/** Fingerprint of a DER certificate (DETAILS 12). */
export function fingerprintOf(der: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(der).digest('base64').replace(/=+$/u, '')}`;
}

/** True for text that looks like a fingerprint. */
export function isFingerprint(text: string): boolean {
  return /^SHA256:[A-Za-z0-9+/]{43}$/u.test(text);
}

/** The same 32 bytes as upper-case hex pairs, for comparing by eye. */
export function fingerprintHex(fingerprint: string): string[] {
  const bytes = Buffer.from(fingerprint.slice('SHA256:'.length), 'base64');
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase());
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/gu, ''), 'base64');
}

const twentyYearsMs = 20 * 365 * 24 * 3600 * 1000;

/**
 * Reads `tls.key` and `tls.crt` of a data folder, or makes them: ECDSA P-256, self-signed, 20 years; dates are not
 * checked because the certificate is pinned (DETAILS 12).
 */
export async function loadOrCreateIdentity(folder: string, commonName: string): Promise<TlsIdentity> {
  const paths = { key: join(folder, 'tls.key'), cert: join(folder, 'tls.crt') };
  const [key, cert] = await Promise.all([readIfThere(paths.key), readIfThere(paths.cert)]);
  if (key !== undefined && cert !== undefined) return { key, cert, fingerprint: fingerprintOf(derOf(cert)) };
  // Needed once in the life of a folder, and slow to load: every command would pay for it.
  const { generate } = await import('selfsigned');
  const notBefore = new Date(Date.now() - 24 * 3600 * 1000);
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: notBefore,
    notAfterDate: new Date(notBefore.getTime() + twentyYearsMs),
  });
  await writeFileAtomic(paths.key, made.private);
  await writeFileAtomic(paths.cert, made.cert);
  return { key: made.private, cert: made.cert, fingerprint: fingerprintOf(derOf(made.cert)) };
}

/** Content of a text file; undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
