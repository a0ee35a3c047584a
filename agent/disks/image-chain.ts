import { realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { readError } from './file-errors.ts';
import type { ImageFormat } from './image-format.ts';
import { readQcow2Header } from './qcow2-header.ts';
import type { ImageNode } from './qemu-nbd.ts';
import { openImage } from './raw-file.ts';
import { readVdiSize } from './vdi-header.ts';
import { readVhdxSize } from './vhdx-header.ts';
import { readVmdk } from './vmdk-image.ts';

export interface ImageChain {
  node: ImageNode;
  /** Real paths, top first; those that hold the data of a VMDK stand after it. */
  files: string[];
  /** Virtual size; 0 for a raw block device. */
  sizeBytes: number;
  /** True when the top is a block device. */
  isDevice: boolean;
}

/** Longest chain of backing files that is followed. */
const maxDepth = 64;

/**
 * Describes an image with its backing files for QEMU. The chain is read by us and given explicitly, so that neither a
 * format nor a file is ever chosen by the content of an image.
 * @param mayRead decides about each file by its real path; it throws for what must not be read
 * @throws AppError diskMissing, diskUnsupported, diskReadFailed
 */
export async function describeChain(
  path: string,
  format: ImageFormat,
  mayRead: (realPath: string) => void,
): Promise<ImageChain> {
  const nodes: ImageNode[] = [];
  const files: string[] = [];
  let sizeBytes: number | undefined;
  let isDevice: boolean | undefined;
  let next: { path: string; format: ImageFormat } | undefined = { path, format };
  while (next !== undefined) {
    const file = await realPath(next.path);
    mayRead(file);
    if (files.includes(file) || files.length === maxDepth)
      throw unsupported(path, 'its chain of backing files does not end');
    files.push(file);
    const device = (await stat(file)).isBlockDevice();
    const bytes = { driver: device ? 'host_device' : 'file', filename: file };
    nodes.push({ driver: next.format, 'force-share': true, 'read-only': true, file: bytes });
    isDevice ??= device;
    const step = await stepDown(file, next.format, mayRead);
    files.push(...step.extentFiles);
    sizeBytes ??= step.sizeBytes;
    next = step.backing;
  }
  return { node: nest(nodes), files, sizeBytes: sizeBytes ?? 0, isDevice: isDevice === true };
}

async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw readError(path, error);
  }
}

interface Step {
  sizeBytes: number;
  extentFiles: string[];
  backing: { path: string; format: ImageFormat } | undefined;
}

async function stepDown(file: string, format: ImageFormat, mayRead: (realPath: string) => void): Promise<Step> {
  const single = { extentFiles: [], backing: undefined };
  switch (format) {
    case 'raw':
      return { ...single, sizeBytes: await rawSize(file) };
    case 'vdi':
      return { ...single, sizeBytes: await readVdiSize(file) };
    case 'vhdx':
      return { ...single, sizeBytes: await readVhdxSize(file) };
    case 'vmdk':
      return { ...single, ...(await readVmdk(file, mayRead)) };
    case 'qcow2':
      return { ...single, ...(await stepDownQcow2(file)) };
  }
}

async function stepDownQcow2(file: string): Promise<Pick<Step, 'sizeBytes' | 'backing'>> {
  const header = await readQcow2Header(file);
  if (header.encrypted) throw unsupported(file, 'it is encrypted');
  if (header.externalData) throw unsupported(file, 'its data stands in another file');
  if (header.backingFile === undefined) return { sizeBytes: header.sizeBytes, backing: undefined };
  return { sizeBytes: header.sizeBytes, backing: backingOf(file, header.backingFile, header.backingFormat) };
}

async function rawSize(path: string): Promise<number> {
  const file = await openImage(path);
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

function backingOf(file: string, name: string, format: string | undefined): { path: string; format: ImageFormat } {
  // QEMU takes what stands before a colon as a protocol, unless a slash comes first; `file:` means a plain file.
  const plain = name.startsWith('file:') ? name.slice('file:'.length) : name;
  if (/^[^/]*:/u.test(plain)) throw unsupported(file, `its backing file is not a local file: ${JSON.stringify(name)}`);
  if (format !== 'raw' && format !== 'qcow2') {
    const hint = `Write it into the image: qemu-img rebase -u -b ${JSON.stringify(name)} -F <raw or qcow2> ${JSON.stringify(file)}`;
    const what =
      format === undefined ? 'it does not say the format of its backing file' : `its backing file has format ${format}`;
    throw new AppError('diskUnsupported', `${file} cannot be read: ${what}`, { hint });
  }
  return { path: resolve(dirname(file), plain), format };
}

/** Puts each node below the one before it; the last has no backing file, whatever its header says meanwhile. */
function nest(nodes: ImageNode[]): ImageNode {
  let below: ImageNode | null = null;
  for (const node of nodes.toReversed()) {
    below = node.driver === 'raw' ? node : { ...node, backing: below };
  }
  if (below === null) throw new AppError('internal', 'an image chain without images');
  return below;
}

function unsupported(path: string, why: string): AppError {
  return new AppError('diskUnsupported', `${path} cannot be read: ${why}`);
}
