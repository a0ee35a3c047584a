import { close, fstat, open, read } from 'node:fs';
import { promisify } from 'node:util';
import { AppError } from '../../../shared/errors.ts';
import type { ByteRange } from './storage.ts';

// Bare descriptors: an object for each file costs more than reading a small one.
const openFile = promisify(open);
const statFile = promisify(fstat);
const readFile = promisify(read);
const closeFile = promisify(close);

/**
 * Reads a file of this machine, whole or a range.
 * @param into is used for the bytes when it is long enough
 * @throws system errors; AppError repositoryDamaged when it is shorter than the range
 */
export async function readLocalFile(path: string, range: ByteRange | undefined, into?: ArrayBuffer): Promise<Buffer> {
  const file = await openFile(path, 'r');
  try {
    const { offset, length } = range ?? { offset: 0, length: (await statFile(file)).size };
    const fits = into !== undefined && into.byteLength >= length;
    const bytes = fits ? Buffer.from(into, 0, length) : Buffer.allocUnsafeSlow(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await readFile(file, bytes, done, length - done, offset + done);
      if (bytesRead === 0) {
        throw new AppError('repositoryDamaged', `${path} ends at ${offset + done} of ${offset + length} bytes`);
      }
      done += bytesRead;
    }
    return bytes;
  } finally {
    await closeFile(file);
  }
}
