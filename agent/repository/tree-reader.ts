import { z } from 'zod';
import { AppError, messageOf } from '../../shared/errors.ts';
import { idBytes } from './blob-id.ts';
import { type ContentForm, overheadOf } from './content-form.ts';
import { ContentList } from './content-list.ts';
import { readHex } from './hex.ts';
import { hexId } from './json.ts';
import { JsonScanner } from './json-scanner.ts';

/** A node of a tree blob as far as we need it. */
export interface ReadNode {
  /** As restic stores it; characters that Go quotes stay quoted. */
  name: string;
  type: string;
  sizeBytes: number;
  /** Hex id of a folder's own tree. */
  subtree: string | undefined;
  /** The JSON array of a file's blob ids; undefined when it is null or missing. */
  content: Buffer | undefined;
}

const nodeSchema = z.object({
  name: z.string().min(1).max(4096),
  type: z.string().min(1).max(64),
  size: z.int().min(0).default(0),
  subtree: hexId.optional(),
});
const nodeKeys = new Set(Object.keys(nodeSchema.shape));
/** No value that is parsed, as opposed to a content list, comes near this. */
const maxValueBytes = 64 * 1024;
const maxNodes = 1_000_000;
const quote = 0x22;
/** An id in hexadecimal digits and quotes. */
const idTextBytes = idBytes * 2 + 2;

/** Parses a tree blob written by anybody. Content lists are only located. @throws AppError repositoryDamaged */
export function parseTree(json: Buffer, label: string): ReadNode[] {
  const scanner = new JsonScanner(json, label);
  const nodes: ReadNode[] = [];
  scanner.object((key) => {
    if (key !== 'nodes') scanner.value();
    else {
      scanner.array(() => {
        if (nodes.length >= maxNodes) throw new AppError('repositoryDamaged', `${label} has too many nodes`);
        nodes.push(parseNode(scanner, label));
      });
    }
  });
  scanner.end();
  return nodes;
}

function parseNode(scanner: JsonScanner, label: string): ReadNode {
  const values: Record<string, unknown> = {};
  let content: Buffer | undefined;
  scanner.object((key) => {
    const value = scanner.value();
    if (key === 'content') content = value[0] === 0x5b ? value : undefined;
    else if (nodeKeys.has(key)) values[key] = parseValue(value, label);
  });
  const node = nodeSchema.safeParse(values);
  if (!node.success) throw new AppError('repositoryDamaged', `${label} has a node of an unexpected form`);
  const { name, type, size, subtree } = node.data;
  return { name, type, sizeBytes: size, subtree, content };
}

function parseValue(value: Buffer, label: string): unknown {
  if (value.length > maxValueBytes)
    throw new AppError('repositoryDamaged', `${label} has a value of ${value.length} bytes`);
  try {
    return JSON.parse(value.toString('utf8'));
  } catch (error) {
    throw new AppError('repositoryDamaged', `${label} is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The content list of a file's node.
 * @param lengthOf length of a data blob by its id, from the index
 * @throws AppError repositoryDamaged
 */
export function readContent(
  json: Buffer,
  label: string,
  lengthOf: (id: Buffer) => number,
  form: ContentForm = 'raw',
): ContentList {
  const scanner = new JsonScanner(json, label);
  const list = new ContentList(form);
  const overhead = overheadOf[form];
  const id = Buffer.alloc(idBytes);
  const readId = (bytes: Buffer, at: number) =>
    bytes[at] === quote && bytes[at + idTextBytes - 1] === quote && readHex(bytes, at + 1, id) ? at + idTextBytes : -1;
  scanner.array(() => {
    if (!scanner.consume(readId)) {
      throw new AppError('repositoryDamaged', `${label} has a content entry that is no blob id`);
    }
    const length = lengthOf(id) - overhead;
    if (length < 0) throw new AppError('repositoryDamaged', `${label} has an entry that is too short for a frame`);
    list.add(id, length);
  });
  scanner.end();
  return list;
}
