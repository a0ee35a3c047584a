import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { XmlElement } from '../xml.ts';
import { attribute, childrenOf, find } from '../xml.ts';

const overlaySchema = z.object({
  target: z.string(),
  /** The image that is read, and that gets back what the guest writes meanwhile. */
  base: z.string().startsWith('/'),
  baseFormat: z.string(),
  /** The file that takes the guest's writes for the time being. */
  overlay: z.string().startsWith('/'),
});
export type Overlay = z.output<typeof overlaySchema>;

/** How the journal names the overlays of one snapshot. */
export const madeOverlaysSchema = z.object({ uri: z.string(), domain: z.guid(), overlays: z.array(overlaySchema) });
export type MadeOverlays = z.output<typeof madeOverlaysSchema>;

/** The overlay lies beside its image: where there is room for the one there is room for the other. */
export function overlayPath(image: string, target: string, jobUuid: string): string {
  return join(dirname(image), `holdfast-${jobUuid}.${target}.qcow2`);
}

/** Where a disk's data is, as a domain's XML tells it. */
export interface DiskChain {
  /** Paths of its files, top first. */
  readonly files: readonly string[];
  /** A block job that copies the disk elsewhere; undefined = none. */
  readonly mirror: { readonly job: string; readonly ready: boolean } | undefined;
}

/** @param root of the domain's XML @returns undefined when the domain has no such disk */
export function chainOf(root: XmlElement, target: string): DiskChain | undefined {
  const disk = diskElement(root, target);
  if (disk === undefined) return undefined;
  const files: string[] = [];
  for (let at: XmlElement | undefined = disk; at !== undefined; at = find(at, 'backingStore')) {
    const file = attribute(find(at, 'source'), 'file');
    if (file !== undefined) files.push(file);
  }
  const mirror = find(disk, 'mirror');
  if (mirror === undefined) return { files, mirror: undefined };
  return { files, mirror: { job: attribute(mirror, 'job') ?? 'copy', ready: attribute(mirror, 'ready') === 'yes' } };
}

/** Puts a disk back onto an image; everything else of the domain stays as it is. */
export function putBack(root: XmlElement, { target, base, baseFormat }: Overlay): void {
  const disk = diskElement(root, target);
  find(disk, 'source')?.attributes.set('file', base);
  find(disk, 'driver')?.attributes.set('type', baseFormat);
  if (disk === undefined) return;
  const below = find(disk, 'backingStore');
  // What was below the image stays below it; where nothing is said libvirt finds out by itself.
  const next = attribute(find(below, 'source'), 'file') === base ? find(below, 'backingStore') : undefined;
  disk.children = disk.children.flatMap((child) => (child === below ? (next ?? []) : child));
}

function diskElement(root: XmlElement, target: string): XmlElement | undefined {
  return childrenOf(find(root, 'devices'), 'disk').find((disk) => attribute(find(disk, 'target'), 'dev') === target);
}

/** Every target of a domain, CD-ROMs and floppies included. */
export function allTargets(root: XmlElement): string[] {
  return childrenOf(find(root, 'devices'), 'disk').flatMap((disk) => attribute(find(disk, 'target'), 'dev') ?? []);
}
