import { AppError } from '../../shared/errors.ts';
import { idBytes } from './blob-id.ts';
import type { ContentList } from './content-list.ts';

/** What a snapshot holds: folders by name, files by their content. */
export interface TreeFolder {
  readonly [name: string]: TreeFolder | ContentList;
}

/** A node of one tree blob: a file with its content, or a folder with the id of its own tree blob. */
export type TreeNode = { name: string; content: ContentList } | { name: string; subtree: Buffer };

/** Times, owner and modes are constant, so that equal content gives equal trees (DETAILS 1). */
const times = '"mtime":"1970-01-01T00:00:00Z","atime":"1970-01-01T00:00:00Z","ctime":"1970-01-01T00:00:00Z"';
const fileMode = 0o600;
/** Go's os.ModeDir is bit 31. */
const folderMode = 2 ** 31 + 0o700;
const namePattern = /^[A-Za-z0-9._-]{1,255}$/u;
const pieceEntries = 16_384;
const hexIdWithComma = idBytes * 2 + 3;

/** Refuses names that Go's quoting would change, or that are no names. @throws AppError invalidValue */
export function checkTreeName(name: string): void {
  if (!namePattern.test(name) || name === '.' || name === '..') {
    throw new AppError('invalidValue', `not a name for a file in a snapshot: ${JSON.stringify(name)}`);
  }
}

/**
 * The JSON of a tree blob in pieces of at most about 1 MiB, byte for byte as restic's own encoder writes it: any other form
 * passes `check` and makes `rewrite` refuse the snapshot. Nodes are sorted by name; a final newline follows.
 */
export function* encodeTree(nodes: readonly TreeNode[]): Generator<Buffer> {
  const sorted = [...nodes].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  yield Buffer.from('{"nodes":[');
  let separator = '';
  for (const node of sorted) {
    checkTreeName(node.name);
    if ('subtree' in node) yield Buffer.from(separator + folderJson(node.name, node.subtree));
    else yield* encodeFile(node.name, node.content, separator);
    separator = ',';
  }
  yield Buffer.from(']}\n');
}

function folderJson(name: string, subtree: Buffer): string {
  return `{"name":"${name}","type":"dir","mode":${folderMode},${times},"uid":0,"gid":0,"content":null,"subtree":"${subtree.toString('hex')}"}`;
}

function* encodeFile(name: string, content: ContentList, separator: string): Generator<Buffer> {
  const size = content.fileBytes === 0 ? '' : `"size":${content.fileBytes},`;
  yield Buffer.from(
    `${separator}{"name":"${name}","type":"file","mode":${fileMode},${times},"uid":0,"gid":0,${size}"content":[`,
  );
  for (let first = 0; first < content.count; first += pieceEntries) {
    yield encodeIds(content, first, Math.min(first + pieceEntries, content.count));
  }
  yield Buffer.from(']}');
}

const quote = 0x22;
const comma = 0x2c;
/** The two digits of each byte. */
const hexDigits = Uint8Array.from({ length: 512 }, (_, i) =>
  (i >> 1)
    .toString(16)
    .padStart(2, '0')
    .charCodeAt(i & 1),
);

function encodeIds(content: ContentList, first: number, end: number): Buffer {
  const target = Buffer.allocUnsafe((end - first) * hexIdWithComma);
  let at = 0;
  for (let i = first; i < end; i++) {
    const id = content.id(i);
    if (i > 0) target[at++] = comma;
    target[at++] = quote;
    for (let k = 0; k < idBytes; k++) {
      const byte = (id[k] as number) * 2;
      target[at++] = hexDigits[byte] as number;
      target[at++] = hexDigits[byte + 1] as number;
    }
    target[at++] = quote;
  }
  return target.subarray(0, at);
}
