import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

const piece = 8 * 1024 * 1024;

/** A sparse file with incompressible bytes at the given places; fast, since it is a cipher's key stream. */
export async function writeRandomFile(
  path: string,
  sizeBytes: number,
  parts: ReadonlyArray<{ at: number; length: number }>,
): Promise<void> {
  const stream = createCipheriv('aes-256-ctr', randomBytes(32), randomBytes(16));
  const zeros = Buffer.alloc(piece);
  const file = await open(path, 'w');
  try {
    await file.truncate(sizeBytes);
    for (const { at, length } of parts) {
      for (let done = 0; done < length; done += piece) {
        const bytes = stream.update(zeros.subarray(0, Math.min(piece, length - done)));
        await file.write(bytes, 0, bytes.length, at + done);
      }
    }
  } finally {
    await file.close();
  }
}

/** SHA-256 (hex) of a file. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
