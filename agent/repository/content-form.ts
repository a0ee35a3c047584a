import { frameOverhead } from '../transform/frame-header.ts';

/** How the chunks of a file are stored: as they are, or each in a frame of the protective transformation. */
export type ContentForm = 'raw' | 'frames';

/** Bytes that a blob has more than its chunk. */
export const overheadOf: Record<ContentForm, number> = { raw: 0, frames: frameOverhead };

/** What the file of a disk is called inside its folder. */
export const diskFileName: Record<ContentForm, string> = { raw: 'disk.raw', frames: 'disk.hft' };

/** The name tells: whoever reads a tree has nothing else to go by. @param path of a file, or its name */
export function formOf(path: string): ContentForm {
  return path.slice(path.lastIndexOf('/') + 1) === diskFileName.frames ? 'frames' : 'raw';
}
