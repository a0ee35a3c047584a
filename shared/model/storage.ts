import { z } from 'zod';
import { absolutePathSchema, secret } from '../schema.ts';

/** `SHA256:` and unpadded base64 of 32 bytes, as OpenSSH prints host keys and we print certificates. */
export const fingerprintSchema = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/u, 'must look like SHA256:… with 43 characters of base64');

/** An address without credentials in it: those are stored apart, and encrypted. */
function urlOf(...protocols: string[]) {
  return z
    .string()
    .min(1)
    .max(2000)
    .refine(
      (text) => {
        const url = URL.parse(text);
        return url !== null && protocols.includes(url.protocol) && url.hostname !== '' && url.password === '';
      },
      `must be an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}, without a password`,
    );
}

const addresses = {
  local: z.object({ kind: z.literal('local'), path: absolutePathSchema }),
  /** The path follows restic: one slash is relative to the login's home, two are absolute (DETAILS 31). */
  sftp: z.object({
    kind: z.literal('sftp'),
    url: urlOf('sftp:').refine((text) => URL.parse(text)?.username !== '', 'must name the user: sftp://USER@HOST/PATH'),
    hostKey: fingerprintSchema,
  }),
  rest: z.object({
    kind: z.literal('rest'),
    url: urlOf('http:', 'https:'),
    user: z.string().min(1).max(200).nullable().default(null),
    /** Pins a self-signed certificate. */
    fingerprint: fingerprintSchema.nullable().default(null),
  }),
  s3: z.object({
    kind: z.literal('s3'),
    url: urlOf('http:', 'https:').refine(
      (text) => (URL.parse(text)?.pathname.split('/')[1] ?? '') !== '',
      'must name the bucket: http://HOST/BUCKET/PREFIX',
    ),
    accessKey: z.string().min(1).max(200),
    region: z.string().min(1).max(100).default('us-east-1'),
    /** PEM of the authority that signed the server's certificate. */
    caCertificate: z.string().max(100_000).nullable().default(null),
  }),
};

/** Where a pool lies, as it is stored and shown. */
export const storageAddressSchema = z.discriminatedUnion('kind', [
  addresses.local,
  addresses.sftp,
  addresses.rest,
  addresses.s3,
]);
export type StorageAddress = z.output<typeof storageAddressSchema>;
export type StorageKind = StorageAddress['kind'];
export const storageKinds = ['local', 'sftp', 'rest', 's3'] as const satisfies readonly StorageKind[];

/** What opens the storage: the private key (sftp), the password (rest), the secret key (s3); nothing for a directory. */
const credential = { credential: secret().nullable().default(null) };

/** A storage as an agent needs it; the credential lives in memory only. */
export const storageTargetSchema = z.discriminatedUnion('kind', [
  addresses.local,
  addresses.sftp.extend(credential),
  addresses.rest.extend(credential),
  addresses.s3.extend(credential),
]);
export type StorageTarget = z.output<typeof storageTargetSchema>;
export type StorageTargetInput = z.input<typeof storageTargetSchema>;

/** The address for people and messages; it holds no secret. */
export function locationOf(address: StorageAddress | StorageTarget): string {
  return address.kind === 'local' ? address.path : address.url;
}

/**
 * The address of a place one path part below another: a repository of its own in the same storage.
 * @param part letters, digits, dots and dashes; null = the address itself
 */
export function placeBelow(address: StorageTarget, part: string | null): StorageTarget;
export function placeBelow(address: StorageAddress, part: string | null): StorageAddress;
export function placeBelow(address: StorageAddress | StorageTarget, part: string | null) {
  if (part === null) return address;
  const location = locationOf(address);
  // `sftp://u@h//` is the root of the server and `sftp://u@h/` the home of its user: a slash at the end is not taken off.
  const below = location.endsWith('/') ? `${location}${part}` : `${location}/${part}`;
  return address.kind === 'local' ? { ...address, path: below } : { ...address, url: below };
}

/** Who shares one repository of a pool: all its clients, those of one client group, or nobody. */
export const repositoryPers = ['pool', 'group', 'client'] as const;
export type RepositoryPer = (typeof repositoryPers)[number];
