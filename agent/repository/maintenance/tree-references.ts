import { AppError, messageOf } from '../../../shared/errors.ts';
import { idBytes } from '../blob-id.ts';
import { readHex } from '../hex.ts';
import { JsonScanner } from '../json-scanner.ts';

/** What a node of a tree refers to. Slices of the tree's JSON, good until it is freed. */
export interface NodeReferences {
  /** As restic stores it. */
  name: string;
  type: string;
  sizeBytes: number;
  /** Of a folder. */
  subtree: Buffer | undefined;
  /** The JSON array of a file's blob ids; undefined when it is null or missing. */
  content: Buffer | undefined;
}

const quote = 0x22;
const idTextBytes = idBytes * 2 + 2;
const maxValueBytes = 64 * 1024;

/**
 * Visits the nodes of a tree that anybody may have written. A repository has a million of them: no schema, no list.
 * @throws AppError repositoryDamaged
 */
export function scanTree(json: Buffer, label: string, visit: (node: NodeReferences) => void): void {
  const scanner = new JsonScanner(json, label);
  scanner.object((key) => {
    if (key === 'nodes') scanner.array(() => visit(scanNode(scanner, label)));
    else scanner.value();
  });
  scanner.end();
}

function scanNode(scanner: JsonScanner, label: string): NodeReferences {
  const node: NodeReferences = { name: '', type: '', sizeBytes: 0, subtree: undefined, content: undefined };
  scanner.object((key) => {
    if (key === 'content') {
      const value = scanner.value();
      node.content = value[0] === 0x5b ? value : undefined;
    } else if (key === 'subtree') node.subtree = scanId(scanner, label);
    else if (key === 'name') node.name = String(parse(scanner.value(), label));
    else if (key === 'type') node.type = String(parse(scanner.value(), label));
    else if (key === 'size') node.sizeBytes = Number(parse(scanner.value(), label));
    else scanner.value();
  });
  const known = node.name !== '' && node.type !== '' && Number.isSafeInteger(node.sizeBytes) && node.sizeBytes >= 0;
  if (!known) throw new AppError('repositoryDamaged', `${label} has a node of an unexpected form`);
  return node;
}

/** Visits the ids of a content list; the buffer is the same each time. @throws AppError repositoryDamaged */
export function scanContent(content: Buffer, label: string, visit: (id: Buffer) => void): void {
  const scanner = new JsonScanner(content, label);
  const id = Buffer.alloc(idBytes);
  const read = readId(id);
  scanner.array(() => {
    if (!scanner.consume(read)) throw noId(label);
    visit(id);
  });
  scanner.end();
}

function scanId(scanner: JsonScanner, label: string): Buffer | undefined {
  const id = Buffer.alloc(idBytes);
  if (scanner.consume(readId(id))) return id;
  if (scanner.value().toString('latin1') === 'null') return undefined;
  throw noId(label);
}

function readId(id: Buffer): (bytes: Buffer, at: number) => number {
  return (bytes, at) =>
    bytes[at] === quote && bytes[at + idTextBytes - 1] === quote && readHex(bytes, at + 1, id) ? at + idTextBytes : -1;
}

function noId(label: string): AppError {
  return new AppError('repositoryDamaged', `${label} has an entry that is no blob id`);
}

function parse(value: Buffer, label: string): unknown {
  try {
    if (value.length <= maxValueBytes) return JSON.parse(value.toString('utf8'));
  } catch (error) {
    throw new AppError('repositoryDamaged', `${label} is not JSON: ${messageOf(error)}`, { cause: error });
  }
  throw new AppError('repositoryDamaged', `${label} has a value of ${value.length} bytes`);
}
