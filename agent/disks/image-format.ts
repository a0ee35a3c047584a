import { readError } from './file-errors.ts';
import { openImage } from './raw-file.ts';

/** Formats of image files that tell themselves by how they begin. */
export const containerFormats = ['qcow2', 'vmdk', 'vdi', 'vhdx'] as const;
export type ContainerFormat = (typeof containerFormats)[number];
export type ImageFormat = 'raw' | ContainerFormat;

/** How much of the beginning {@link formatOfHead} wants to see, bytes. */
export const headBytes = 512;

const descriptorBegin = /^\s*#\s*disk\s+descriptorfile/iu;

/**
 * Tells a container by its first bytes; undefined = none of ours. Never ask this of a raw disk: its guest chooses how it
 * begins.
 */
export function formatOfHead(head: Buffer): ContainerFormat | undefined {
  const begin = head.toString('latin1');
  if (begin.startsWith('QFI\u00FB')) return 'qcow2';
  if (begin.startsWith('KDMV') || descriptorBegin.test(begin)) return 'vmdk';
  if (begin.startsWith('vhdxfile')) return 'vhdx';
  if (head.length >= 68 && head.readUInt32LE(64) === 0xbeda107f) return 'vdi';
  return undefined;
}

/** The same for a file. @throws AppError diskMissing, diskUnsupported for what is no file, diskReadFailed */
export async function probeFormat(path: string): Promise<ContainerFormat | undefined> {
  return formatOfHead(await readAt(path, 0, headBytes));
}

/** A piece of a file, shorter at its end. @throws AppError diskMissing, diskUnsupported, diskReadFailed */
export async function readAt(path: string, offset: number, length: number): Promise<Buffer> {
  const file = await openImage(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw readError(path, error);
  } finally {
    await file.close();
  }
}
