import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { AppError, hasCode, messageOf } from '../../../shared/errors.ts';
import type { InventoryObject } from '../../../shared/model/vm.ts';
import { systemCode } from '../../disks/file-errors.ts';
import { describeChain } from '../../disks/image-chain.ts';
import type { ImageFormat } from '../../disks/image-format.ts';
import { probeFormat } from '../../disks/image-format.ts';
import { uuid5 } from './uuid5.ts';

export interface FoundImage {
  /** Disk id in the backup, of [A-Za-z0-9._-] (DETAILS 28). */
  id: string;
  /** File name. */
  name: string;
  path: string;
  format: ImageFormat;
}

export interface FoundObject {
  uuid: string;
  name: string;
  images: FoundImage[];
}

/** By extension. Only of those that are not raw the content is asked: a guest chooses how its raw disk begins. */
const formats: Readonly<Record<string, ImageFormat>> = {
  '.raw': 'raw',
  '.img': 'raw',
  '.qcow2': 'qcow2',
  '.vmdk': 'vmdk',
  '.vdi': 'vdi',
  '.vhdx': 'vhdx',
};

/** How VMware and QEMU name the files that hold the data of `<stem>.vmdk`. */
const vmdkPart = /^(?<stem>.+)-(?:flat|delta|sesparse|rdmp?|ctk|[sf]\d{3,})\.vmdk$/iu;

/**
 * Finds the objects of a folder: each image file, and each sub-folder that holds images. Sorted by name. Symbolic links
 * count as what they name; whether they may be followed is decided when they are opened.
 * @throws AppError platformUnreachable naming the folder
 */
export async function scanFolder(folder: string, platformUuid: string): Promise<FoundObject[]> {
  const found: FoundObject[] = [];
  const entries = await list(folder);
  const names = new Set(entries.map(({ name }) => name));
  for (const entry of entries) {
    if (isPartOfVmdk(entry.name, names)) continue;
    const image = asImage(folder, entry);
    const images = image === undefined ? await imagesIn(folder, entry) : [image];
    if (images.length > 0) found.push({ uuid: uuid5(platformUuid, entry.name), name: entry.name, images });
  }
  return found;
}

/**
 * The same object with formats as the content tells them, where the extension says anything but raw. Images that cannot
 * be read now keep what the extension says: opening them tells why.
 */
export async function withFormats(folder: string, object: FoundObject): Promise<FoundObject> {
  const images: FoundImage[] = [];
  for (const image of object.images) images.push({ ...image, format: await formatOf(folder, image) });
  return { ...object, images };
}

/** What the inventory shows: the size of an image that cannot be opened is 0. */
export async function describeObject(folder: string, found: FoundObject): Promise<InventoryObject> {
  const disks: InventoryObject['disks'] = [];
  const object = await withFormats(folder, found);
  for (const image of object.images) {
    disks.push({ id: image.id, format: image.format, sizeBytes: await virtualSize(folder, image) });
  }
  return { uuid: object.uuid, name: object.name, state: 'file', guestAgent: 'none', frozenSince: null, disks };
}

/**
 * The file behind an image, when it may be read: symbolic links and backing files must stay inside the folder.
 * @param realFolder the folder with all links resolved
 * @throws AppError diskUnsupported
 */
export function checkInside(realFolder: string, realFile: string): void {
  if (realFile.startsWith(realFolder.endsWith(sep) ? realFolder : realFolder + sep)) return;
  throw new AppError('diskUnsupported', `${realFile} lies outside of the folder ${realFolder}`, {
    hint: 'Symbolic links and backing files are followed only inside the folder of the platform.',
  });
}

/**
 * Refuses the data of a VMDK without its descriptor: taken for an image of its own it would be what its guest wrote.
 * @throws AppError diskUnsupported
 */
export function checkWhole({ path, name }: FoundImage): void {
  const stem = vmdkPart.exec(name)?.groups?.['stem'];
  if (stem === undefined) return;
  throw new AppError('diskUnsupported', `${path} cannot be read: it is a part of a VMDK, and ${stem}.vmdk is missing`, {
    hint: 'Copy the descriptor, a small text file, into the same folder.',
  });
}

/** @throws AppError platformUnreachable naming the folder */
export async function realFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (error) {
    throw unreachable(folder, error);
  }
}

async function list(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw unreachable(folder, error);
  }
}

function unreachable(folder: string, error: unknown): AppError {
  const code = systemCode(error);
  const why =
    code === 'ENOENT'
      ? 'does not exist'
      : code === 'ENOTDIR'
        ? 'is not a folder'
        : `cannot be read: ${messageOf(error)}`;
  return new AppError('platformUnreachable', `the folder ${folder} ${why}`, { cause: error });
}

function asImage(folder: string, entry: Dirent): FoundImage | undefined {
  const format = formats[extname(entry.name).toLowerCase()];
  if (format === undefined || !(entry.isFile() || entry.isSymbolicLink())) return undefined;
  return { id: diskId(entry.name), name: entry.name, path: join(folder, entry.name), format };
}

async function imagesIn(folder: string, entry: Dirent): Promise<FoundImage[]> {
  const path = join(folder, entry.name);
  if (!entry.isDirectory()) return [];
  try {
    const entries = await list(path);
    const names = new Set(entries.map(({ name }) => name));
    return entries.flatMap((inner) => (isPartOfVmdk(inner.name, names) ? [] : (asImage(path, inner) ?? [])));
  } catch (error) {
    // Gone between the two listings, or not ours to read: not an object, and no reason to hide the others.
    if (hasCode(error, 'platformUnreachable')) return [];
    throw error;
  }
}

function diskId(name: string): string {
  if (/^[A-Za-z0-9._-]{1,255}$/u.test(name)) return name;
  return `d${createHash('sha256').update(name, 'utf8').digest('hex').slice(0, 12)}`;
}

/** A part is no disk of its own, and its beginning is whatever the guest wrote there. */
function isPartOfVmdk(name: string, names: ReadonlySet<string>): boolean {
  const stem = vmdkPart.exec(name)?.groups?.['stem'];
  return stem !== undefined && names.has(`${stem}.vmdk`);
}

async function formatOf(folder: string, { path, format }: FoundImage): Promise<ImageFormat> {
  // A part without its descriptor is not asked either.
  if (format === 'raw' || vmdkPart.test(path)) return format;
  try {
    const real = await realpath(path);
    checkInside(await realpath(folder), real);
    return (await probeFormat(real)) ?? format;
  } catch (error) {
    if (error instanceof AppError || systemCode(error) !== undefined) return format;
    throw error;
  }
}

async function virtualSize(folder: string, image: FoundImage): Promise<number> {
  try {
    const real = await realpath(folder);
    checkWhole(image);
    return (await describeChain(image.path, image.format, (file) => checkInside(real, file))).sizeBytes;
  } catch (error) {
    if (error instanceof AppError || systemCode(error) !== undefined) return 0;
    throw error;
  }
}
