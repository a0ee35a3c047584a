import { runProgram } from '../../shared/node/run-program.ts';
import type { TargetDisk } from './disk.ts';
import { findProgram } from './find-program.ts';
import type { ImageFormat } from './image-format.ts';
import type { DiskScope } from './journal.ts';
import { NbdTarget } from './nbd/nbd-target.ts';
import { QemuNbd, qemuNbdMissing } from './qemu-nbd.ts';
import { TargetFile } from './target-file.ts';

/** True when this host can write images of that format. */
export async function canWrite(format: ImageFormat): Promise<boolean> {
  if (format === 'raw') return true;
  return (await findProgram('qemu-img')) !== undefined && (await findProgram('qemu-nbd')) !== undefined;
}

/**
 * Turns an empty file, which the caller has just created, into an image and opens it for writing.
 * @param socketPath makes the folder for the socket when one is needed
 * @throws AppError storageFull, storageFailed, programMissing, programFailed, cancelled
 */
export async function openNewDisk(
  options: { path: string; format: ImageFormat; sizeBytes: number; socketPath(): Promise<string> },
  scope: DiskScope,
): Promise<TargetDisk> {
  const { path, format, sizeBytes } = options;
  if (format === 'raw') return TargetFile.take(path, sizeBytes);
  if (!(await canWrite(format))) throw qemuNbdMissing();
  // An absolute path is never taken for a protocol, whatever characters follow.
  await runProgram('qemu-img', ['create', '-q', '-f', format, path, String(sizeBytes)], { signal: scope.signal });
  const node = { driver: format, file: { driver: 'file', filename: path } };
  const server = await QemuNbd.start({ node, writable: true, socketPath: await options.socketPath() }, scope);
  try {
    return new NbdTarget(path, server.client, () => server.stop());
  } catch (error) {
    await server.stop();
    throw error;
  }
}
