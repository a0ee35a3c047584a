import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { type Signature, signaturePrefix } from '../../shared/format.ts';

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
