import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { type Signature, signaturePrefix, signatureSchema } from '../../shared/format.ts';

/** First 16 hex digits of the SHA-256 of the raw public key. */
export function signKeyId(key: KeyObject): string {
  const raw = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);
  return createHash('sha256').update(raw).digest('hex').slice(0, 16);
}

/** Signs the bytes of manifest.json (DETAILS 4). */
export function signManifest(key: KeyObject, manifest: Buffer): Signature {
  const signature = sign(null, Buffer.concat([Buffer.from(signaturePrefix), manifest]), key);
  return { alg: 'ed25519', keyId: signKeyId(key), signature: signature.toString('base64') };
}

/** DER of an Ed25519 public key up to its 32 raw bytes (RFC 8410). */
const publicKeyPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Whether one of the keys signed these bytes of manifest.json.
 * @param keys raw public keys in base64, by key ID
 * @param file bytes of manifest.sig; without it nobody did
 */
export function isSignedBy(
  keys: Readonly<Record<string, string>>,
  manifest: Buffer,
  file: Buffer | undefined,
): boolean {
  const signature = parseSignature(file);
  const raw = signature && Object.hasOwn(keys, signature.keyId) ? keys[signature.keyId] : undefined;
  if (signature === undefined || raw === undefined) return false;
  const der = Buffer.concat([publicKeyPrefix, Buffer.from(raw, 'base64')]);
  if (der.length !== publicKeyPrefix.length + 32) return false;
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const signed = Buffer.concat([Buffer.from(signaturePrefix), manifest]);
  return verify(null, signed, key, Buffer.from(signature.signature, 'base64'));
}

function parseSignature(file: Buffer | undefined): Signature | undefined {
  try {
    return signatureSchema.safeParse(JSON.parse(file?.toString('utf8') ?? 'null')).data;
  } catch {
    // Not JSON: nobody's signature.
    return undefined;
  }
}
