import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../shared/node/atomic-file.ts';
import { AppError } from '../shared/errors.ts';
import { Secret } from '../shared/schema.ts';

const ivBytes = 12;
const tagBytes = 16;

/** Encrypts the secrets of pools and platforms at rest: AES-256-GCM, key in a 0600 file (DESIGN §4). */
export class Vault {
  readonly #key: Buffer;
  private constructor(key: Buffer) {
    this.#key = key;
  }

  /** Reads `secret.key` of the data folder, or makes it. @throws AppError invalidValue when it is damaged */
  static async open(folder: string): Promise<Vault> {
    const path = join(folder, 'secret.key');
    let key: Buffer;
    try {
      key = await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      key = randomBytes(32);
      await writeFileAtomic(path, key);
    }
    if (key.length !== 32) throw new AppError('invalidValue', `${path} must hold 32 bytes, it has ${key.length}`);
    return new Vault(key);
  }

  /** @param purpose bound to the ciphertext, so that it cannot be moved to another record */
  seal(secret: Secret, purpose: string): string {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(purpose));
    const sealed = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64');
  }

  /** @throws AppError internal when key, record or purpose do not belong together */
  open(sealed: string, purpose: string): Secret {
    const bytes = Buffer.from(sealed, 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, ivBytes), {
        authTagLength: tagBytes,
      })
        .setAAD(Buffer.from(purpose))
        .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
      const opened = Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]);
      return new Secret(opened.toString('utf8'));
    } catch (error) {
      throw new AppError('internal', `the secret of ${purpose} cannot be decrypted; was secret.key replaced?`, {
        cause: error,
      });
    }
  }
}
