import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { type BlobType, idBytes } from './blob-id.ts';
import { sealOverhead } from './cipher.ts';
import { readHex } from './hex.ts';
import { hexId, parseJson } from './json.ts';
import { JsonScanner } from './json-scanner.ts';

/** One blob of an index file. The object and its id are used again for the next one. */
export interface ScannedBlob {
  type: BlobType;
  id: Buffer;
  offset: number;
  /** Stored bytes, sealing included. */
  length: number;
  /** 0 = not compressed. */
  plainLength: number;
}

const largest = 0xffff_ffff;
const u32 = z.int().min(0).max(largest);
const blobSchema = z.object({
  id: hexId,
  type: z.enum(['data', 'tree']),
  offset: u32,
  length: u32.min(sealOverhead),
  uncompressed_length: u32.default(0),
});

/**
 * Reads an index file from its bytes: strings and objects for a million blobs would take seconds and hundreds of megabytes.
 * @param onPack is told the name of each pack and returns what takes its blobs
 * @throws AppError repositoryDamaged, possibly after some blobs were told
 */
export function scanIndex(
  json: Buffer,
  label: string,
  onPack: (name: string) => (blob: Readonly<ScannedBlob>) => void,
): void {
  const scanner = new JsonScanner(json, label);
  const reader = new BlobReader(label);
  let found = false;
  scanner.object((key) => {
    if (key !== 'packs') scanner.value();
    else {
      found = true;
      scanner.array(() => scanPack(scanner, label, (name, blobs) => reader.readAll(blobs, onPack(name))));
    }
  });
  scanner.end();
  if (!found) throw new AppError('repositoryDamaged', `${label} has no packs`);
}

/** Calls `onBlobs` where the list of blobs begins; a list in front of the name of its pack is visited afterwards. */
function scanPack(scanner: JsonScanner, label: string, onBlobs: (name: string, blobs: JsonScanner) => void): void {
  let name: string | undefined;
  let early: Buffer | undefined;
  let found = false;
  scanner.object((key) => {
    if (key === 'id') name = parseJson(hexId, scanner.value(), label);
    else if (key !== 'blobs') scanner.value();
    else {
      found = true;
      if (name === undefined) early = scanner.value();
      else onBlobs(name, scanner);
    }
  });
  if (name === undefined || !found)
    throw new AppError('repositoryDamaged', `${label} has a pack without name or blobs`);
  if (early !== undefined) onBlobs(name, new JsonScanner(early, label));
}

const idPrefix = Buffer.from('{"id":"');
const typePrefix = Buffer.from('","type":"');
const typeNames: readonly [BlobType, Buffer][] = [
  ['data', Buffer.from('data"')],
  ['tree', Buffer.from('tree"')],
];
const offsetPrefix = Buffer.from(',"offset":');
const lengthPrefix = Buffer.from(',"length":');
const plainPrefix = Buffer.from(',"uncompressed_length":');
const closeBrace = 0x7d;
const zero = 0x30;

/** Reads blobs in the one form that restic and we write, each other form by way of JSON.parse. */
class BlobReader {
  readonly #label: string;
  readonly #blob: ScannedBlob = { type: 'data', id: Buffer.alloc(idBytes), offset: 0, length: 0, plainLength: 0 };
  readonly #read = (bytes: Buffer, at: number) => this.#usual(bytes, at);
  /** What {@link #number} read. */
  #value = 0;

  constructor(label: string) {
    this.#label = label;
  }

  readAll(scanner: JsonScanner, onBlob: (blob: Readonly<ScannedBlob>) => void): void {
    scanner.array(() => {
      if (!scanner.consume(this.#read)) this.#parse(scanner.value());
      onBlob(this.#blob);
    });
  }

  #parse(json: Buffer): void {
    const { id, uncompressed_length: plainLength, ...blob } = parseJson(blobSchema, json, this.#label);
    this.#blob.id.write(id, 'hex');
    Object.assign(this.#blob, { ...blob, plainLength });
  }

  /** @returns where the blob ends, −1 when it has another form or no valid values */
  #usual(bytes: Buffer, start: number): number {
    const blob = this.#blob;
    let at = skip(bytes, start, idPrefix);
    if (at < 0 || !readHex(bytes, at, blob.id)) return -1;
    at = this.#type(bytes, skip(bytes, at + 2 * idBytes, typePrefix));
    at = this.#number(bytes, skip(bytes, at, offsetPrefix));
    blob.offset = this.#value;
    at = this.#number(bytes, skip(bytes, at, lengthPrefix));
    blob.length = this.#value;
    blob.plainLength = 0;
    if (at > 0 && bytes[at] !== closeBrace) {
      at = this.#number(bytes, skip(bytes, at, plainPrefix));
      blob.plainLength = this.#value;
    }
    return at > 0 && bytes[at] === closeBrace && blob.length >= sealOverhead ? at + 1 : -1;
  }

  #type(bytes: Buffer, at: number): number {
    for (const [type, name] of typeNames) {
      const end = skip(bytes, at, name);
      if (end < 0) continue;
      this.#blob.type = type;
      return end;
    }
    return -1;
  }

  #number(bytes: Buffer, start: number): number {
    if (start < 0) return -1;
    let at = start;
    let value = 0;
    for (;;) {
      const digit = (bytes[at] ?? 0) - zero;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
      if (value > largest) return -1;
    }
    const length = at - start;
    if (length === 0 || (length > 1 && bytes[start] === zero)) return -1;
    this.#value = value;
    return at;
  }
}

/** @returns where the text at `at` ends, −1 when something else stands there */
function skip(bytes: Buffer, at: number, text: Buffer): number {
  if (at < 0) return -1;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return -1;
  return at + text.length;
}
